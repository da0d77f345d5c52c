"""Plots of robust accuracy against epsilon and of images before and after an attack, with matplotlib, no display."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from torch import Tensor

from training.attacks.adversary import AttackError
from training.evaluation.result import Evaluation
from training.norms import TITLES

_DPI = 150
_MISSING = "Plots need matplotlib: pip install matplotlib."


def accuracy_curve_png(evaluation: Evaluation) -> bytes:
    """Draw worst-case accuracy against epsilon as PNG. Raise AttackError if matplotlib is not installed."""
    figure = _figure(6.4, 4.2)
    axes = figure.add_subplot()
    radii, accuracies = zip(*evaluation.curve, strict=True)
    axes.plot(radii, [100 * accuracy for accuracy in accuracies], marker="o", markersize=4, color="#1f5a96")
    axes.axvline(evaluation.epsilon, color="#999999", linewidth=1, linestyle="--")
    axes.text(evaluation.epsilon, 97, f" epsilon {evaluation.epsilon:.4g}", fontsize=8)
    axes.set(
        xlabel=f"epsilon ({TITLES[evaluation.norm]}, images in [0, 1])", ylabel="worst-case accuracy (%)", ylim=(0, 100)
    )
    axes.set_xlim(left=0)
    axes.grid(color="#e5e5e5", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(f"{len(evaluation.natural)} images, latent {evaluation.record['latent']}", loc="left", fontsize=10)
    return _png(figure)


def adversarial_examples_png(clean: Tensor, adversarial: Tensor, titles: Sequence[str]) -> bytes:
    """Draw one column per image as PNG: clean, adversarial, and the difference, scaled to its largest value.

    `clean` and `adversarial` are (n, channels, height, width) in [0, 1], n >= 1, with 1 or 3 channels; `titles` are
    n texts. Mid-grey in the difference means no change.
    """
    change = adversarial - clean
    largest = change.abs().max().clamp_min(1e-12)
    difference = f"difference\n(largest {largest:.3g})"
    return image_grid_png(
        {"clean": clean, "adversarial": adversarial, difference: 0.5 + change / (2 * largest)}, titles
    )


def image_grid_png(rows: Mapping[str, Tensor], titles: Sequence[str]) -> bytes:
    """Draw rows of images as PNG, each (n, channels, height, width) in [0, 1], with their names and n `titles`."""
    count = len(titles)
    figure = _figure(1.5 * count + 0.6, 1.6 * len(rows))
    for row, (name, images) in enumerate(rows.items()):
        for column in range(count):
            axes = figure.add_subplot(len(rows), count, row * count + column + 1)
            axes.imshow(_pixels(images[column]), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            if row == 0:
                axes.set_title(titles[column], fontsize=8)
            if column == 0:
                axes.set_ylabel(name, fontsize=8)
    return _png(figure)


def _pixels(image: Tensor) -> Any:
    array = image.detach().cpu().permute(1, 2, 0).numpy()
    return array[:, :, 0] if array.shape[2] == 1 else array


def _figure(width: float, height: float) -> Any:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise AttackError(_MISSING, "matplotlib") from error
    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _png(figure: Any) -> bytes:
    content = BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()
