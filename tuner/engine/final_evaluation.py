"""The last step of a confirmation's trial, inside a Ray worker: strong attacks on the untouched test set.

This module loads torch, so a worker imports it only for a confirmation.
"""

import json
import re
from pathlib import Path

import torch

from training.data import load_test_set
from training.evaluation import Evaluation, StateFile, balanced_subset, build_suite, evaluate_robustness, scale_of
from training.evaluation.resume_state import ResumeStateError
from training.trainer import Trainer
from tuner.confirm.table import NATURAL, PREFIX, WARNINGS, WORST_CASE
from tuner.engine.trial_task import ConfirmationTask
from tuner.runs.mirror import working_folder

# The attack whose accuracy a search calls PGD accuracy, by its name in every suite.
_PGD = "PGD-20"


def measure_on_test_set(trainer: Trainer, task: ConfirmationTask) -> dict[str, float]:
    """Evaluate the trainer's model on the test set and return its accuracies as metrics.

    The attacks have the radius that the search measured with. `task.folder` gets the state of the evaluation after
    each batch, from which an interrupted evaluation continues (in object storage, unless the machine itself failed).
    At the end it gets the whole evaluation with its warning signs. Raise AttackError if the model cannot be evaluated.
    """
    images = load_test_set(trainer.config)
    if task.images:
        count = min(task.images, len(images))
        images = images.subset(balanced_subset(images.labels, count))
    classes = trainer.model.head.out_features
    scale = scale_of(trainer.config, classes)
    if scale.epsilon != trainer.config.epsilon:
        scale = scale.resized(trainer.config.epsilon)

    def evaluate(state: Path) -> Evaluation:
        return evaluate_robustness(
            trainer.model,
            images.to(torch.device(trainer.device)),
            build_suite(task.suite, scale),
            batch_size=trainer.config.eval_batch_size,
            state=StateFile(state),
        )

    with working_folder(task.folder) as folder:
        state = folder / "state.json"
        try:
            evaluation = evaluate(state)
        except ResumeStateError:
            # The last epoch was trained again and gave other weights: another device, thread count or library.
            state.unlink()
            evaluation = evaluate(state)
        (folder / "evaluation.json").write_text(json.dumps(evaluation.to_mapping(), indent=1) + "\n", encoding="utf-8")
    return metrics_of(evaluation)


def metrics_of(evaluation: Evaluation) -> dict[str, float]:
    """Return accuracies in [0, 1]: those that a search compares, and `test/NAME` for every attack and their union.

    Of two attacks with the same name, the second has its radius in the metric's name.
    """
    headline = [r for r in evaluation.attacks if r.part_of is None and not r.curve]
    attacks: dict[str, float] = {}
    for result in headline:
        name = _metric_name(result.name)
        attacks[name if name not in attacks else f"{name} at {result.epsilon:.4g}"] = result.accuracy
    return {
        "natural_accuracy": evaluation.natural_accuracy,
        "pgd_accuracy": attacks[_PGD],
        f"{PREFIX}{NATURAL}": evaluation.natural_accuracy,
        **{f"{PREFIX}{name}": accuracy for name, accuracy in attacks.items()},
        f"{PREFIX}{WORST_CASE}": evaluation.worst_case_accuracy,
        WARNINGS: len(evaluation.warnings),
    }


def _metric_name(attack: str) -> str:
    """Remove the characters that MLflow does not allow in the name of a metric."""
    return re.sub(r"[^\w .-]", "", attack.replace("&", "and"))
