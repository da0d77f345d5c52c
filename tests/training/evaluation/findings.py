"""Results made up for the tests of signs, tables and pictures."""

from typing import Any

from training.evaluation import AttackResult, Evaluation, LatentMode
from training.evaluation.warning_signs import warning_signs


def result(right: int, *, of: int = 1000, family: str = "pgd", epsilon: float = 0.1, **changes: Any) -> AttackResult:
    """Return an attack that leaves the first `right` of `of` images right."""
    name = changes.pop("name", family)
    values: dict[str, Any] = {
        "key": f"{name} {epsilon}",
        "name": name,
        "family": family,
        "norm": "linf",
        "epsilon": epsilon,
        "robust": (True,) * right + (False,) * (of - right),
        "distances": (epsilon,) * (of - right),
        "parameters": {"loss": "ce", "steps": 20, "restarts": 1} if family == "pgd" else {},
    }
    return AttackResult(**{**values, **changes})


def pgd(right: int, steps: int, **changes: Any) -> AttackResult:
    """Return a PGD of so many steps."""
    parameters = {"loss": "ce", "steps": steps, "restarts": 1}
    return result(right, **{"name": f"PGD-{steps}", "parameters": parameters, **changes})


def evaluation(*attacks: AttackResult, mode: LatentMode | None = None) -> Evaluation:
    """Return an evaluation of as many images as the attacks have met, nine in ten of them right when clean."""
    of = len(attacks[0].robust) if attacks else 1000
    right = (True,) * (9 * of // 10) + (False,) * (of - 9 * of // 10)
    mode = mode or LatentMode()
    signs = warning_signs(right, attacks, mode, zero_gradients=0)
    return Evaluation(suite="made", epsilon=0.1, natural=right, attacks=attacks, warnings=signs, record=mode.record())
