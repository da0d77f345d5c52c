"""The objectives that a trial can minimise, chosen by name, and their terms."""

from collections.abc import Callable

import torch

from training.compute.parallel import ALONE, Group
from training.config import TrialConfig
from training.losses.forward_pass import ForwardPass, ModelForwardPass, ModelOutput
from training.losses.gradient_norms import gradient_norms
from training.losses.information import build_estimator
from training.losses.mart import Mart
from training.losses.mma import Mma
from training.losses.mma_simplified import MmaSimplified
from training.losses.natural import Natural
from training.losses.objective import Batch, Objective, weighted_total
from training.losses.shared_information import SharedInformation
from training.losses.standard import Standard
from training.losses.trades import Trades
from training.models import Classifier

__all__ = [
    "Batch",
    "ForwardPass",
    "ModelForwardPass",
    "ModelOutput",
    "Objective",
    "build_objective",
    "gradient_norms",
    "weighted_total",
]


def build_objective(
    config: TrialConfig, model: Classifier, training_images: int, generator: torch.Generator, group: Group = ALONE
) -> Objective:
    """Build the objective that `config` names, for `model` and a training set of `training_images` images.

    Its batches are the rows of one process of the `group`. `generator` is on the model's device. If an estimator has
    a network of its own, its weights come from torch's global generator.
    """
    if config.objective == "shared_information":
        return _shared_information(config, model, generator, group)
    if config.objective == "mma":
        margins = {"max_margin": config.max_margin, "smallest_radius": config.smallest_margin}
        return Mma(training_images, **margins, device=generator.device)
    return _WITHOUT_SETTINGS[config.objective]()


_WITHOUT_SETTINGS: dict[str, Callable[[], Objective]] = {
    "standard": Standard,
    "trades": Trades,
    "mart": Mart,
    "mma_simplified": MmaSimplified,
    "natural": Natural,
}


def _shared_information(config: TrialConfig, model: Classifier, generator: torch.Generator, group: Group) -> Objective:
    on_output = config.regularise == "output"
    return SharedInformation(
        names=config.terms,
        alpha=config.alpha,
        beta=config.beta,
        on_output=on_output,
        information=build_estimator(
            config.information_estimator,
            dimensions=model.head.out_features if on_output else model.head.in_features,
            generator=generator,
            neighbours=config.hsic_neighbours,
            normalisation=config.hsic_normalisation,
            width=config.hsic_width,
        ),
        strengths=config.views[1:],
        group=group,
    )
