"""How the attacks of `pyautoattack`, the official AutoAttack, are called so that nothing of them leaks out.

They seed torch's global generators, write into logits in place, need contiguous images, and log at will.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from training.attacks.adversary import AttackError
from training.attacks.pgd import frozen

_MISSING = "AutoAttack's attacks need the package pyautoattack: pip install 'pyautoattack>=0.2'."


def silent() -> logging.Logger:
    """Give the library a logger that says nothing: the evaluator counts zero gradients itself."""
    logger = logging.Logger("training.attacks.pyautoattack_calls")  # noqa: LOG001 - outside the tree, so that none inherits it
    logger.addHandler(logging.NullHandler())
    return logger


def run_library(
    build: Callable[[Callable[[Tensor], Tensor], torch.device], Any], model: nn.Module, images: Tensor, labels: Tensor
) -> Tensor:
    """Run the attack that `build(predict, device)` gives, with its `perturb`, on `model`.

    Shapes as in `Adversary`. The model's flags and the global generators are as before afterwards. Raise
    AttackError where pyautoattack is not installed or the model gives no logits (batch, classes).
    """
    contiguous = images.contiguous()

    def predict(inputs: Tensor) -> Tensor:
        logits: Tensor = model(inputs.contiguous())
        return logits.clone()

    with frozen(model), _own_generators(images.device):
        try:
            attack = build(predict, images.device)
        except ImportError as error:
            raise AttackError(_MISSING) from error
        found: Tensor = attack.perturb(contiguous, labels)
    return found.detach().contiguous()


def count_classes(model: nn.Module, images: Tensor) -> int:
    """Give the number of logits; raise AttackError if the model gives anything else than (batch, classes)."""
    with frozen(model), torch.no_grad():
        logits = model(images[:1].contiguous())
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        given = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise AttackError(
            f"The model gives {given}, but must give logits (batch, classes); wrap it in a module that gives only them."
        )
    return logits.shape[1]


@contextmanager
def _own_generators(device: torch.device) -> Iterator[None]:
    # The library seeds CUDA's current device too, even where the model is on the CPU.
    devices = {torch.cuda.current_device()} if torch.cuda.is_initialized() else set()  # type: ignore[no-untyped-call]
    if device.type == "cuda":
        devices.add(device.index or 0)
    with torch.random.fork_rng(devices=sorted(devices)):
        yield
