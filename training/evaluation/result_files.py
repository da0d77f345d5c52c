"""The files that an evaluation leaves in its folder: figures, a curve and pictures."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from training.data import ImageSet
from training.evaluation.example_images import draw_examples, draw_representations
from training.evaluation.plots import accuracy_curve_png
from training.evaluation.result import Evaluation
from training.evaluation.suite import Suite
from training.explained_error import ExplainedError

STATE, RESULT, CURVE, EXAMPLES = "state.json", "evaluation.json", "accuracy.png", "examples.png"
REPRESENTATIONS = "representations.png"


class ResultFolderError(ExplainedError):
    """The results cannot be written to a folder."""


def require_writable(out: Path) -> None:
    """Make the folder `out`. Raise ResultFolderError if nothing can be written to it, before hours of computing."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise ResultFolderError(f"{out} cannot be written to ({error}); choose another --out.", "--out") from error


def write_results(out: Path, evaluation: Evaluation, model: Mapping[str, Any]) -> None:
    """Write the figures, with the description of the `model`, and the curve of accuracy against epsilon."""
    record = {**model, **evaluation.to_mapping()}
    (out / RESULT).write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    (out / CURVE).write_bytes(accuracy_curve_png(evaluation))


def write_pictures(out: Path, model: nn.Module, images: ImageSet, suite: Suite, layers: Sequence[str]) -> None:
    """Write adversarial images and, if there are `layers`, the images of the attack on each of them."""
    (out / EXAMPLES).write_bytes(draw_examples(model, images, suite))
    if layers:
        (out / REPRESENTATIONS).write_bytes(draw_representations(model, images, layers, suite.epsilon))
