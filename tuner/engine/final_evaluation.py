"""The last step of a confirmation's trial, inside a Ray worker: strong attacks on the untouched test set."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.confirm.table import NATURAL, PREFIX, WARNINGS, WORST_CASE
from tuner.runs.mirror import working_folder

if TYPE_CHECKING:  # torch is imported in the worker, by the first trial
    from training.evaluation import Evaluation
    from training.trainer import Trainer

# What a search calls PGD accuracy, by its name in every suite.
_PGD = "PGD-20"


def measure_on_test_set(trainer: "Trainer", task: dict[str, Any]) -> dict[str, float]:
    """Evaluate the trainer's model; give its accuracies as metrics.

    `task` holds `suite`, `images` (0 for all) and `folder`, where the evaluation is kept: batch by batch, so that
    one that was broken off goes on (in object storage only if it was not the machine that broke), and whole, with its
    warning signs. The attacks have the radius that the search
    measured with. Raise AttackError for a model that cannot be evaluated.
    """
    import torch

    from training.data import load_test_set
    from training.evaluation import balanced_subset, build_suite, evaluate_robustness, scale_of
    from training.evaluation.resume_state import ResumeStateError

    images = load_test_set(trainer.config)
    if task["images"]:
        count = min(task["images"], len(images))
        images = images.subset(balanced_subset(images.labels, count))
    classes = trainer.model.head.out_features
    scale = scale_of(trainer.config, classes)
    if scale.epsilon != trainer.config.epsilon:
        scale = scale.resized(trainer.config.epsilon)

    def evaluate(state: Path) -> "Evaluation":
        return evaluate_robustness(
            trainer.model,
            images.to(torch.device(trainer.device)),
            build_suite(task["suite"], scale),
            batch_size=trainer.config.eval_batch_size,
            state_path=state,
        )

    with working_folder(task["folder"]) as folder:
        state = folder / "state.json"
        try:
            evaluation = evaluate(state)
        except ResumeStateError:
            # The last epoch was trained again with other weights: on another device, thread count or library.
            state.unlink()
            evaluation = evaluate(state)
        (folder / "evaluation.json").write_text(json.dumps(evaluation.to_mapping(), indent=1) + "\n", encoding="utf-8")
    return metrics_of(evaluation)


def metrics_of(evaluation: "Evaluation") -> dict[str, float]:
    """Give accuracies in [0, 1]: those that a search compares by, and `test/NAME` for every attack and their union.

    An attack at another radius than the headline's has it in its name.
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
        WARNINGS: len(evaluation.signs),
    }


def _metric_name(attack: str) -> str:
    """Leave out what MLflow does not take in the name of a metric."""
    return re.sub(r"[^\w .-]", "", attack.replace("&", "and"))
