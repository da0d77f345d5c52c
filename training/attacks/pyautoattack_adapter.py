"""Calls the attacks of `pyautoattack`, the official AutoAttack, without their side effects.

They seed torch's global generators, write into logits in place, need contiguous images, and print log lines.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from training.attacks.adversary import AttackError
from training.attacks.pgd import frozen
from training.norms import L2, LINF

# The official settings, always passed explicitly: other libraries have other defaults (10 steps in torchattacks 3.5).
STEPS, QUERIES, TARGETS, EOT_DRAWS = 100, 5000, 9, 20
NORM_NAMES = {LINF: "Linf", L2: "L2"}
STANDARD = "AutoAttack standard, Croce and Hein 2020"
_MISSING = "AutoAttack's attacks need the package pyautoattack: pip install 'pyautoattack>=0.2'."


def silent_logger() -> logging.Logger:
    """Return a logger without output for the library: the evaluation counts zero gradients itself."""
    name = "training.attacks.pyautoattack_adapter"
    logger = logging.Logger(name)  # noqa: LOG001 - outside the logger tree: no other logger inherits from it
    logger.addHandler(logging.NullHandler())
    return logger


def run_pyautoattack(
    build: Callable[[Callable[[Tensor], Tensor], torch.device], Any], model: nn.Module, images: Tensor, labels: Tensor
) -> Tensor:
    """Build an attack by `build(predict, device)`, run its `perturb` on `model` and return the adversarial images.

    The shapes are those of `Adversary`. The model's flags and the global random generators are restored. Raise
    AttackError if pyautoattack is not installed.
    """
    contiguous = images.contiguous()

    def predict(inputs: Tensor) -> Tensor:
        logits: Tensor = model(inputs.contiguous())
        return logits.clone()

    with frozen(model), _own_generators(images.device):
        try:
            attack = build(predict, images.device)
        except ImportError as error:
            raise AttackError(_MISSING, "pyautoattack") from error
        found: Tensor = attack.perturb(contiguous, labels)
    return found.detach().contiguous()


@contextmanager
def _own_generators(device: torch.device) -> Iterator[None]:
    # The library also seeds the current CUDA device, even if the model is on the CPU.
    devices = {torch.cuda.current_device()} if torch.cuda.is_initialized() else set()  # type: ignore[no-untyped-call]
    if device.type == "cuda":
        devices.add(device.index or 0)
    with torch.random.fork_rng(devices=sorted(devices)):
        yield
