"""The attacks from outside of a suite, tried before an evaluation that may take hours."""

from torch import Tensor, nn

from training.attacks import MeanPath
from training.attacks.from_outside import OutsideAttack
from training.data.augment import to_unit
from training.data.image_set import ImageSet
from training.evaluation.checks import require_valid_images
from training.evaluation.suite import Suite
from training.outside_sources import Source, sources_of
from training.registry import ATTACKS

_TRIED = 2


def outside_attacks(suite: Suite) -> list[OutsideAttack]:
    """Return the attacks of a suite whose code is a user's."""
    inner = [attack.attack if isinstance(attack, MeanPath) else attack for attack in suite.attacks]
    return [attack for attack in inner if isinstance(attack, OutsideAttack)]


def sources_of_attacks(suite: Suite) -> list[Source]:
    """Return the sources of the attacks from outside of a suite."""
    return sources_of(ATTACKS[attack.attack].target.__module__ for attack in outside_attacks(suite))


def try_outside_attacks(model: nn.Module, image_set: ImageSet, suite: Suite) -> None:
    """Run the attacks from outside on the first two images. Raise AttackError if one of them fails.

    `model` maps images to logits, on the device of the images.
    """
    images: Tensor = to_unit(image_set.images[:_TRIED]).contiguous()
    for attack in outside_attacks(suite):
        require_valid_images(attack, images, attack(model, images, image_set.labels[:_TRIED], seed=0))
