"""Several fronts as a PNG or an SVG, each with a colour and a symbol, in the layout of the paper's Figure 3."""

from typing import Any

from tuner.report.figure.colours import LINE, PALETTE
from tuner.report.figure.comparison import Comparison
from tuner.report.image.front_image import (
    Form,
    add_legend,
    draw_means,
    draw_published,
    empty_picture,
    encode_figure,
    scatter,
    write_title,
)

_TITLE_COLUMNS = 60  # a longer title would not fit; the legend has all names
SYMBOLS = ("o", "s", "^", "p", "*", "h", "X")


def comparison_picture(shown: Comparison, form: Form) -> bytes:
    """Return each front as a step line with points, or the means of a grid with seeds as a line with bars."""
    figure, axes = empty_picture(shown.x, shown.y)
    fits = len(shown.title) <= _TITLE_COLUMNS
    title = shown.title if fits else f"{shown.title[: _TITLE_COLUMNS - 1]}…"
    write_title(axes, title, " ".join(shown.figure_notes))
    for (name, front), colour, symbol in zip(shown.fronts.items(), PALETTE, SYMBOLS, strict=False):
        if front.means:
            draw_means(axes, front.means, name, colour, fmt=f"{symbol}-", linewidth=1.2)
            continue
        dim: dict[str, Any] = {"s": 16, "alpha": 0.4, "linewidths": 0.6, "edgecolors": LINE, "facecolors": colour}
        scatter(axes, front.dominated, "", marker=symbol, **dim)
        if front.staircase:
            axes.plot(*zip(*front.staircase, strict=True), color=colour, linewidth=1.2)
        style: dict[str, Any] = {"s": 44, "marker": symbol, "color": colour, "zorder": 3}
        scatter(axes, front.front, name, **style)
        if not front.front:  # nothing to draw yet, but it is in the legend, as on the page
            axes.scatter([], [], label=name, **style)
    draw_published(axes, shown.published)
    add_legend(figure, axes)
    return encode_figure(figure, form)
