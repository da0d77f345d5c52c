"""The random number generators of a trial: seeded once, separate from those of the process, saved and restored."""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


class RandomStreams:
    """All randomness of one trial.

    `generator`, on the trial's device, draws batches, augmentation, attack starts and latents. Initial weights and
    dropout can only come from the global generators; `active` puts the trial's own states into them for a block.
    So nothing else that the process draws between epochs (a report, a second trial) changes the trial.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self.device = device
        self.generator = torch.Generator(device)
        self._own: dict[str, Any] = {}
        self._reseed(seed)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Run the block with the trial's states in the global generators, then restore those of the process."""
        outside = global_states(self.device)
        set_global_states(self._own, self.device)
        try:
            yield
        finally:
            self._own = global_states(self.device)
            set_global_states(outside, self.device)

    def state(self) -> dict[str, Any]:
        """Return the states as tensors and plain values, which `torch.load` can read with `weights_only=True`."""
        return {"device": self.device.type, "generator": self.generator.get_state(), "global": self._own}

    def restore(self, state: Mapping[str, Any], *, fallback_seed: int) -> None:
        """Continue from `state`; if it comes from another kind of device, seed all generators with `fallback_seed`.

        The generators of two kinds of devices have different states and draw different numbers. So a trial that
        moves to another kind of device cannot continue exactly, but it stays repeatable.
        """
        if state["device"] != self.device.type:
            self._reseed(fallback_seed)
            return
        self.generator.set_state(state["generator"])
        self._own = dict(state["global"])

    def _reseed(self, seed: int) -> None:
        # Two generators of PyTorch with the same seed would draw the same numbers: each gets a seed of its own.
        own, cpu, device, python, numpy = np.random.SeedSequence(seed).generate_state(5).tolist()
        self.generator.manual_seed(own)
        self._own = {
            "torch": torch.Generator().manual_seed(cpu).get_state(),
            "python": random.Random(python).getstate(),  # noqa: S311 - not for cryptography
            "numpy": _plain(np.random.RandomState(numpy).get_state(legacy=True)),
        }
        if self.device.type == "cuda":
            self._own["cuda"] = torch.Generator(self.device).manual_seed(device).get_state()


@contextmanager
def preserved_randomness(device: torch.device) -> Iterator[None]:
    """Run the block, then restore the global generators of the process (torch, `device`, Python, NumPy)."""
    before = global_states(device)
    try:
        yield
    finally:
        set_global_states(before, device)


def seed_generators(seed: int) -> None:
    """Seed the global generators of the process: torch with all devices, Python and NumPy."""
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - as above


def global_states(device: torch.device) -> dict[str, Any]:
    """Return the states of the global generators of torch, `device`, Python and NumPy, as plain values and tensors."""
    states: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "python": random.getstate(),
        "numpy": _plain(np.random.get_state(legacy=True)),  # noqa: NPY002 - the global one is meant
    }
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def _plain(state: Any) -> tuple[Any, ...]:
    """Convert NumPy's array of keys to a tensor: with `weights_only=True` `torch.load` refuses arrays."""
    name, keys, *rest = state
    return (name, torch.from_numpy(keys.astype(np.int64)), *rest)


def set_global_states(states: Mapping[str, Any], device: torch.device) -> None:
    """Restore a result of `global_states`."""
    torch.set_rng_state(states["torch"])
    random.setstate(states["python"])
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))  # noqa: NPY002
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)
