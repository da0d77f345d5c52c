"""The weights with which a training starts, from a file: what fits is taken, and what does not is named."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from training.config import ConfigError
from training.models.weights_file import is_checkpoint, states_in, tensors_in

# Of the network's weights, as numbers: a file that fits less is that of another network.
_LEAST_SHARE = 0.5
_MOST_NAMED = 4
_NETWORK = "backbone."


@dataclass(frozen=True)
class Taken:
    """What was read: how many tensors of the model, and the names of those left out in the file and in the model."""

    path: Path
    digest: str
    taken: int
    left_out: tuple[str, ...]
    drawn: tuple[str, ...]

    @property
    def line(self) -> str:
        """Return a line for the user."""
        parts = [f"start_weights: {self.taken} tensors of {self.path} (hash {self.digest})"]
        if self.left_out:
            parts.append(f"left out, because the model has no such tensor: {_named(self.left_out)}")
        if self.drawn:
            parts.append(f"drawn at random: {_named(self.drawn)}")
        return "; ".join(parts)


def load_start_weights(model: nn.Module, path: Path) -> Taken:
    """Load the tensors of a file into `model`, whose network is `model.backbone`, where name and shape agree.

    The file is a state_dict of the whole model or of the network alone, or a checkpoint of this project. Raise OSError
    if it cannot be read, WeightsError if it is no such file, and ConfigError if less than half of the network fits.
    """
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:16]
    states = _states(tensors_in(content, path), path)
    own = model.state_dict()
    whole, network = (_fitting(own, states, prefix) for prefix in ("", _NETWORK))
    found = max(whole, network, key=lambda each: _size(own, each))
    names = [key for key in own if key.startswith(_NETWORK)]
    share = _size(own, [key for key in found if key in names]) / max(1, _size(own, names))
    if share < _LEAST_SHARE:
        raise _unfit(path, f"fits {100 * share:.0f} % of the network's weights. {_examples(names, states)}")
    if wrong := [found[key] for key in found if not states[found[key]].isfinite().all()]:
        raise _unfit(path, f"has values in {wrong[0]} that are not finite: its training diverged")
    model.load_state_dict({key: states[name] for key, name in found.items()}, strict=False)
    used = set(found.values())
    left_out = tuple(f"{name} {tuple(value.shape)}" for name, value in states.items() if name not in used)
    drawn = tuple(key for key in own if key not in found and own[key].is_floating_point())
    return Taken(path, digest, len(found), left_out, drawn)


def _states(content: object, path: Path) -> dict[str, Tensor]:
    inner = content["state"] if is_checkpoint(content) and isinstance(content, Mapping) else content
    states = states_in(inner)
    if states is None:
        raise _unfit(path, "holds no state_dict: write model.state_dict() into it")
    return states


def _fitting(own: Mapping[str, Tensor], states: Mapping[str, Tensor], prefix: str) -> dict[str, str]:
    """Return, by the name in the model, the names of the file's tensors that have its shape."""
    named = {prefix + name: name for name in states}
    return {key: named[key] for key in own if key in named and states[named[key]].shape == own[key].shape}


def _size(own: Mapping[str, Tensor], keys: Sequence[str] | Mapping[str, str]) -> int:
    return sum(own[key].numel() for key in keys if torch.is_floating_point(own[key]))


def _examples(names: Sequence[str], states: Mapping[str, Tensor]) -> str:
    wanted = [name.removeprefix(_NETWORK) for name in names]
    there = f"The file has {_named(tuple(f'{name} {tuple(value.shape)}' for name, value in states.items()))}"
    return f"{there}; the network has {_named(tuple(wanted))}"


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _unfit(path: Path, fault: str) -> ConfigError:
    rule = "must be the weights of this architecture"
    return ConfigError([("start_weights", f"the value is {str(path)!r}, but {rule}: the file {fault}")])
