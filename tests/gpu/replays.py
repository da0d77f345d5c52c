"""Attacks of a trainer, replayed from a recording and computed step by step, in the settings of its training."""

from torch import Tensor

from training.attacks.attack_losses import AttackLoss
from training.trainer import Trainer


def replayed_and_computed(trainer: Trainer, images: Tensor, loss: AttackLoss) -> tuple[Tensor, Tensor]:
    """Return the adversarial images of both ways, from the same random start.

    Both are computed as the training computes: a recording keeps the settings that it was made in, TF32 among them.
    """
    attack, generator = trainer._attack, trainer._streams.generator
    with trainer._computing():
        captured, state = attack._captured, generator.get_state()
        replayed = attack(images, loss)
        generator.set_state(state)
        attack._captured = None
        computed = attack(images, loss)
        attack._captured = captured
    return replayed, computed
