"""The library that measures the accuracy of a trained classifier under strong attacks.

`training/evaluate.py` is the command that calls it. From Python:

suite = build_suite("standard", scale_of(config, classes))
evaluation = evaluate_robustness(model, images, suite, state=StateFile(Path("state.json")))
"""

from training.evaluation.evaluated_images import balanced_subset
from training.evaluation.latent import LatentMode
from training.evaluation.result import AttackResult, Evaluation, WarningSign
from training.evaluation.resume_state import StateFile
from training.evaluation.robustness import OnBatch, evaluate_robustness
from training.evaluation.suite import Suite, build_suite, scale_of

__all__ = [
    "AttackResult",
    "Evaluation",
    "LatentMode",
    "OnBatch",
    "StateFile",
    "Suite",
    "WarningSign",
    "balanced_subset",
    "build_suite",
    "evaluate_robustness",
    "scale_of",
]
