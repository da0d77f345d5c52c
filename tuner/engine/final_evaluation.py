"""The last step of a confirmation's trial, inside a Ray worker: strong attacks on the untouched test set.

This module loads torch, so a worker imports it only for a confirmation.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch

from training.attacks import Scale
from training.attacks.adversary import ROUNDING
from training.config import LAST, TrialConfig, computed_metrics
from training.data import ImageSet, load_test_set
from training.evaluation import (
    Evaluation,
    StateFile,
    Suite,
    balanced_subset,
    build_suite,
    evaluate_robustness,
    scale_of,
)
from training.evaluation.paper_as_run import differences
from training.evaluation.resume_state import ResumeStateError
from training.suite_names import SuiteName
from training.trainer import Trainer
from training.trainer.measured import depends_on_images
from training.trainer.validation import validate
from tuner.confirm.as_run import AS_RUN, PAPER
from tuner.confirm.table import LAST_EPOCH, LAST_FILES, NATURAL, PREFIX, WARNINGS, WORST_CASE
from tuner.engine.trial_task import ConfirmationTask
from tuner.runs.mirror import working_folder
from tuner.space.sections import ConfirmSpec

# The attack whose accuracy a search calls PGD accuracy, by its name in every suite.
_PGD = "PGD-20"


class Ball(NamedTuple):
    """The ball that an attack stays in; the radius is infinite if nothing bounds the distance."""

    norm: str
    radius: float


def measure_on_test_set(trainer: Trainer, task: ConfirmationTask) -> dict[str, float]:
    """Evaluate the trainer's model on the test set and return its accuracies, and other metrics of images, as metrics.

    With `select: best` these are of the weights of the best epoch, and those of the last epoch are measured as well.
    The attacks have the radius of the task, or that which the search measured with. `task.folder` gets the state of the
    evaluation after each batch, from which an interrupted evaluation continues (in object storage, unless the machine
    itself failed). At the end it gets the whole evaluation with its warning signs. Raise AttackError if the model
    cannot be evaluated.
    """
    images = load_test_set(trainer.config)
    if task.images:
        count = min(task.images, len(images))
        images = images.subset(balanced_subset(images.labels, count))
    with trainer.selected():
        found = _measured(trainer, images, task)
    if trainer.config.select == "last":
        return found
    same = trainer.selected_epoch == trainer.epoch
    return with_last(found, found if same else _measured(trainer, images, task, LAST_FILES), same=same)


def with_last(found: Mapping[str, float], last: Mapping[str, float], *, same: bool) -> dict[str, float]:
    """Return the metrics of the best epoch, and beside them those of the last one under names of their own.

    If both are the `same` epoch, its warnings count once.
    """
    beside = {
        f"{name}{LAST_EPOCH}" if name.startswith(PREFIX) else f"{LAST}{name}": value
        for name, value in last.items()
        if name != WARNINGS and not name.startswith((PAPER, AS_RUN))
    }
    return {**found, **beside, WARNINGS: found[WARNINGS] + (0 if same else last[WARNINGS])}


def _measured(trainer: Trainer, images: ImageSet, task: ConfirmationTask, ending: str = "") -> dict[str, float]:
    """Evaluate the weights that the model has; the files get this ending."""
    classes = trainer.model.head.out_features
    suite = suite_of(trainer.config, classes, task, images.images[0].numel())

    def evaluate(state: Path) -> Evaluation:
        return evaluate_robustness(
            trainer.model,
            images.to(torch.device(trainer.device)),
            suite,
            batch_size=trainer.config.eval_batch_size,
            state=StateFile(state),
        )

    with working_folder(task.folder) as folder:
        state = folder / f"state{ending}.json"
        try:
            evaluation = evaluate(state)
        except ResumeStateError:
            # The last epoch was trained again and gave other weights: another device, thread count or library.
            state.unlink()
            evaluation = evaluate(state)
        text = json.dumps(evaluation.to_mapping(), indent=1) + "\n"
        (folder / f"evaluation{ending}.json").write_text(text, encoding="utf-8")
    searched = Ball(trainer.config.norm, trainer.config.epsilon)
    return {**_other_metrics(trainer, images, task), **metrics_of(evaluation, searched)}


def _other_metrics(trainer: Trainer, images: ImageSet, task: ConfirmationTask) -> dict[str, float]:
    """Return the other metrics of the trial on these images, with the steps of the search in the ball of the task."""
    names = [name for name in computed_metrics(trainer.config.metrics) if depends_on_images(name)]
    if not names:
        return {}
    scale = _scale_of(trainer.config, trainer.model.head.out_features, task, images.images[0].numel())
    config = replace(trainer.config, metrics=tuple(names), eval_images=0, select="last")
    if (scale.norm, scale.epsilon) != (config.norm, config.epsilon):
        config = replace(config, norm=scale.norm, epsilon=scale.epsilon, eval_attack_step_size=scale.step_size)
    found = validate(trainer.model, images.to(torch.device(trainer.device)), config)
    return {name: found[name] for name in names}


def suite_of(
    config: TrialConfig, classes: int, asked: ConfirmSpec | ConfirmationTask, dimensions: int | None = None
) -> Suite:
    """Return the attacks of a confirmation, in the ball that it asks for, or that which the search measured with.

    `dimensions` is the number of values of an image. Raise AttackError if an attack cannot be built.
    """
    scale = _scale_of(config, classes, asked, dimensions)
    # A suite of named attacks is compared with nothing.
    suite = SuiteName.STANDARD if asked.attacks else asked.suite
    return build_suite(suite, scale, attacks=asked.attacks or None, bottleneck=config.bottleneck > 0)


def _scale_of(
    config: TrialConfig, classes: int, asked: ConfirmSpec | ConfirmationTask, dimensions: int | None
) -> Scale:
    radius = config.epsilon if asked.epsilon is None else asked.epsilon
    return scale_of(config, classes, norm=asked.norm, epsilon=radius, dimensions=dimensions)


def metrics_of(evaluation: Evaluation, searched: Ball) -> dict[str, float]:
    """Return accuracies in [0, 1]: those that a search compares, and `test/NAME` for every attack and their union.

    What has another ball than `searched`, that of the search, has it in the metric's name: it is another measurement.
    """
    headline = [result for result in evaluation.attacks if result.part_of is None and not result.curve]
    worst = _with_ball(WORST_CASE, Ball(evaluation.norm, evaluation.epsilon), searched)
    return {
        "natural_accuracy": evaluation.natural_accuracy,
        "pgd_accuracy": next(result.accuracy for result in headline if result.name == _PGD),
        f"{PREFIX}{NATURAL}": evaluation.natural_accuracy,
        **{
            f"{PREFIX}{_with_ball(_metric_name(result.name), Ball(result.norm, result.epsilon), searched)}": (
                result.accuracy
            )
            for result in headline
        },
        f"{PREFIX}{worst}": evaluation.worst_case_accuracy,
        WARNINGS: len(evaluation.warnings),
        **(_table_2(evaluation) if evaluation.suite == SuiteName.PAPER_AS_RUN else {}),
    }


def _table_2(evaluation: Evaluation) -> dict[str, float]:
    found = {}
    for row in differences(evaluation):
        for prefix, accuracy in ((PAPER, row.paper), (AS_RUN, row.as_run)):
            if accuracy is not None:
                found[prefix + _metric_name(row.attack)] = accuracy
    return found


def _with_ball(name: str, ball: Ball, searched: Ball) -> str:
    """Return the name, with norm and radius as far as they are others; an attack that minimises a distance has none."""
    norm = "" if ball.norm == searched.norm else f" in {ball.norm}"
    if math.isinf(ball.radius) or (not norm and abs(ball.radius - searched.radius) <= ROUNDING):
        return name
    return f"{name} at {ball.radius:.4g}{norm}"


def _metric_name(attack: str) -> str:
    """Remove the characters that MLflow does not allow in the name of a metric."""
    return re.sub(r"[^\w .-]", "", attack.replace("&", "and"))
