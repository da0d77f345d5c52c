"""Everything that a training step changes, kept so that the step can be taken again."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from training.compute.random_streams import global_states, set_global_states
from training.losses import Objective

# Tensors by what they belong to.
Tensors = Mapping[tuple[str, object], Tensor]
_NEARLY_ALL = 0.9


class StepState:
    """The state before a step: weights, statistics, optimiser, objective, and random states.

    `put_back` writes into the tensors that are there, because a recording knows them by their place in memory.
    """

    def __init__(
        self, model: nn.Module, optimiser: torch.optim.Optimizer, objective: Objective, generator: torch.Generator
    ) -> None:
        """Copy everything; `generator` is on the device of the model."""
        self._model, self._optimiser, self._objective, self._generator = model, optimiser, objective, generator
        self.before: Tensors = self.copies()
        self._learned = _copied(objective.state_dict())
        self._global = global_states(generator.device)
        self._drawn = generator.get_state()

    def copies(self) -> Tensors:
        """Return copies of the present weights, statistics and tensors of the optimiser."""
        return {name: tensor.clone() for name, tensor in self._present().items()}

    def drawn(self) -> tuple[Tensor, ...]:
        """Return the present states of the generators from which a step draws on its device."""
        states = global_states(self._generator.device)
        return self._generator.get_state(), states.get("cuda", states["torch"])

    @torch.no_grad()
    def put_back(self) -> None:
        """Restore everything. State that the optimiser made since then becomes 0, with which optimisers begin.

        Gradients are dropped: each step computes its own.
        """
        self._optimiser.zero_grad(set_to_none=True)
        for name, tensor in self._present().items():
            if name in self.before:
                tensor.copy_(self.before[name])
            else:
                tensor.zero_()
        self._objective.load_state_dict(_copied(self._learned))
        set_global_states(self._global, self._generator.device)
        self._generator.set_state(self._drawn)

    def _present(self) -> dict[tuple[str, object], Tensor]:
        found: dict[tuple[str, object], Tensor] = {
            ("model", name): tensor.detach() for name, tensor in self._model.state_dict(keep_vars=True).items()
        }
        for number, parameter in enumerate(self._model.parameters()):
            for name, value in self._optimiser.state.get(parameter, {}).items():
                if isinstance(value, Tensor):
                    found["optimiser", (number, name)] = value
        return found


def _copied(state: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = tree_map_only(Tensor, torch.clone, dict(state))
    return found


def moved_alike(before: Tensors, one: Tensors, other: Tensors, *, tolerance: float) -> bool:
    """Return whether two steps from `before` changed nearly all tensors by the same, up to a share of the change.

    Nearly all, because some gradients are nothing but rounding, such as that of a bias before a batch norm. Changes
    that are not finite are the same if both are not.
    """
    names = [name for name, tensor in one.items() if tensor.is_floating_point() and name in before]
    change, apart = (
        torch.stack([(end[name] - start[name]).double().norm() for name in names])
        for start, end in ((before, one), (one, other))
    )
    alike = (apart <= tolerance * change) | ~(change.isfinite() | apart.isfinite())
    return bool(alike.double().mean() >= _NEARLY_ALL)
