"""A model of another program: built by a class or function of a user's file, or by RobustBench, with its weights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.compute.random_streams import preserved_randomness, seed_generators
from training.explained_error import ExplainedError
from training.models.weights_file import CONTAINERS, WeightsError, is_checkpoint, read_tensors, states_in
from training.outside_code import PlugInError, attribute_of, file_of, is_outside
from training.outside_sources import source_hash

ROBUSTBENCH = "robustbench"
# What the wrapper for several GPUs puts before each name.
_PARALLEL = "module."


class OutsideModelError(ExplainedError):
    """A model of another program cannot be built, or its weights do not fit it; the subject is the option."""


@dataclass(frozen=True, eq=False, slots=True)
class OutsideModel:
    """A model of another program in eval mode, and `origin`: plain values that say what it is and where it is from."""

    model: nn.Module
    origin: Mapping[str, Any]


def build_outside_model(name: str, weights: Path | None = None, *, dataset: str, threat_model: str) -> OutsideModel:
    """Build the model `module:attribute`, or `robustbench:NAME` for `dataset` and `threat_model`, and load `weights`.

    What it draws at random does not depend on the state of the global generators, and leaves it as it was.
    Raise OutsideModelError if that fails.
    """
    if not is_outside(name):
        raise OutsideModelError(
            f"The value of --model is {name!r}, but must be module:attribute, such as my_models:build, or"
            f" {ROBUSTBENCH}:NAME.",
            "--model",
        )
    module, _, attribute = name.partition(":")
    is_bench = module == ROBUSTBENCH
    with preserved_randomness(torch.device("cpu")):
        seed_generators(0)
        build = _from_robustbench(attribute, dataset, threat_model) if is_bench else _target(name)
        model = _built(name, build)
    module = f"{ROBUSTBENCH}.utils" if is_bench else module
    place = {"threat_model": threat_model} if is_bench else {}
    origin = {"model": name, "model_file": str(file_of(module)), "source_hash": _hash(module), **place}
    if weights is not None:
        _load(model, name, weights)
    return OutsideModel(model.eval(), {**origin, "weights_file": None if weights is None else str(weights)})


def _content(path: Path) -> object:
    try:
        return read_tensors(path)
    except WeightsError as error:
        raise OutsideModelError(str(error), "--weights") from error


def _target(name: str) -> Callable[[], Any]:
    try:
        found = attribute_of(name)
    except PlugInError as error:
        raise OutsideModelError(f"The model {name} cannot be used: {str(error).rstrip('?')}.", "--model") from error
    return (lambda: found) if isinstance(found, nn.Module) else found


def _from_robustbench(name: str, dataset: str, threat_model: str) -> Callable[[], Any]:
    try:
        load = attribute_of(f"{ROBUSTBENCH}.utils:load_model")
    except PlugInError as error:
        is_absent = find_spec(ROBUSTBENCH) is None
        reason = "which is not installed: pip install robustbench" if is_absent else f"but {error}"
        raise OutsideModelError(
            f"The model {ROBUSTBENCH}:{name} needs the package robustbench, {reason}.", "--model"
        ) from error
    return lambda: load(model_name=name, dataset=dataset, threat_model=threat_model)


def _built(name: str, build: Callable[[], Any]) -> nn.Module:
    try:
        model = build()
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {_line(error)}"
        raise OutsideModelError(f"The model {name} cannot be built ({reason}).", "--model") from error
    if not isinstance(model, nn.Module):
        raise OutsideModelError(
            f"{name} returns {type(model).__name__}, but must return a torch.nn.Module.",
            "--model",
        )
    return model


def _load(model: nn.Module, name: str, path: Path) -> None:
    content = _content(path)
    state = states_in(content)
    if state is None:
        way = (
            "it is a checkpoint of training.run: give it as CHECKPOINT, without --model."
            if is_checkpoint(content)
            else f"write model.state_dict() into the file, alone or below {', '.join(CONTAINERS)}."
        )
        raise OutsideModelError(f"{path} holds no state_dict: {way}", "--weights")
    wanted = {key.removeprefix(_PARALLEL): key for key in model.state_dict()}
    if fault := _misfit({key: model.state_dict()[own] for key, own in wanted.items()}, state):
        raise OutsideModelError(f"{path} does not fit {name}: {fault}. Name the weights of this model.", "--weights")
    try:
        model.load_state_dict({wanted[key]: value for key, value in state.items()})
    except RuntimeError as error:
        raise OutsideModelError(f"{path} does not fit {name}: {_line(error)}", "--weights") from error


def _misfit(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str:
    """Return which keys are missing or unexpected, and the first of another shape; an empty text if all fit."""
    missing = [key for key in wanted if key not in found]
    unexpected = [key for key in found if key not in wanted]
    parts = [
        f"{kind} keys: {len(keys)}, the first is {keys[0]}"
        for kind, keys in (("missing", missing), ("unexpected", unexpected))
        if keys
    ]
    shapes = [key for key in wanted if key in found and wanted[key].shape != found[key].shape]
    if shapes:
        there, here = tuple(found[shapes[0]].shape), tuple(wanted[shapes[0]].shape)
        parts.append(f"{shapes[0]} is {there} in the file, but {here} in the model")
    return "; ".join(parts)


def _hash(module: str) -> str:
    """Return the hash of the source of a module, or the version of an installed package, which is too large to hash."""
    package = module.partition(".")[0]
    if package == ROBUSTBENCH:
        try:
            return f"{package} {version(package)}"
        except PackageNotFoundError:
            return source_hash(module)
    return source_hash(module)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())
