"""The objectives a trial can train by, chosen by name, and the terms that they are made of."""

from collections.abc import Callable

from training.config import TrialConfig
from training.losses.gradient_norms import gradient_norms
from training.losses.hsic import hsic
from training.losses.mart import Mart
from training.losses.mma_simplified import MmaSimplified
from training.losses.objective import Objective, weighted_total
from training.losses.shared_information import SharedInformation
from training.losses.standard import Standard
from training.losses.symmetric_kl import symmetric_kl
from training.losses.trades import Trades
from training.losses.view import Look, ModelLook, View

__all__ = [
    "Look",
    "ModelLook",
    "Objective",
    "View",
    "build_objective",
    "gradient_norms",
    "hsic",
    "symmetric_kl",
    "weighted_total",
]


def build_objective(config: TrialConfig) -> Objective:
    """Build the objective that `config` names."""
    return _OBJECTIVES[config.objective](config)


def _shared_information(config: TrialConfig) -> Objective:
    return SharedInformation(
        names=config.terms,
        alpha=config.alpha,
        beta=config.beta,
        on_output=config.regularise == "output",
        neighbours=config.hsic_neighbours,
        normalisation=config.hsic_normalisation,
        width=config.hsic_width,
    )


_OBJECTIVES: dict[str, Callable[[TrialConfig], Objective]] = {
    "shared_information": _shared_information,
    "standard": lambda _: Standard(),
    "trades": lambda _: Trades(),
    "mart": lambda _: Mart(),
    "mma_simplified": lambda _: MmaSimplified(),
}
