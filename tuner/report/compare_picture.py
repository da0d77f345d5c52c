"""Several fronts as a PNG or an SVG, a colour and a symbol for each: the layout of the paper's Figure 3."""

from collections.abc import Sequence

from tuner.report.colours import PALETTE
from tuner.report.compare import compare
from tuner.report.front_data import FrontData
from tuner.report.picture import Form, add_legend, draw_means, draw_published, framed, scatter, write_title, written

_TITLE_COLUMNS = 60  # longer ones leave the picture; the legend has the names
SYMBOLS = ("o", "s", "^", "p", "*", "h", "X")


def comparison_picture(searches: Sequence[FrontData], form: Form) -> bytes:
    """Draw each front as a step line with its points, or a grid with seeds as its means, joined, with their bars."""
    shown = compare(searches)
    figure, axes = framed(shown.x, shown.y)
    names = ", ".join(shown.fronts)
    write_title(
        axes, names if len(names) <= _TITLE_COLUMNS else f"{len(shown.fronts)} fronts", " ".join(shown.figure_notes)
    )
    for (name, front), colour, symbol in zip(shown.fronts.items(), PALETTE, SYMBOLS, strict=False):
        if front.means:
            draw_means(axes, front.means, name, colour, fmt=f"{symbol}-", linewidth=1.2)
            continue
        scatter(axes, front.dominated, "", s=14, alpha=0.3, marker=symbol, color=colour, linewidths=0)
        if front.staircase:
            axes.plot(*zip(*front.staircase, strict=True), color=colour, linewidth=1.2)
        scatter(axes, front.front, name, s=44, marker=symbol, color=colour, zorder=3)
    draw_published(axes, shown.published)
    add_legend(figure, axes)
    return written(figure, form)
