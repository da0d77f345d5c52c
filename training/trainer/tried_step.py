"""Code from outside in a training step, tried on a few images before hours of training."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from training.config import ConfigError, TrialConfig
from training.losses import weighted_total
from training.losses.objective import Objective
from training.outside_code import file_of, line_of
from training.registry import AUGMENTATIONS, ESTIMATORS, OBJECTIVES, Registry

# Enough for batch norm and for estimates of information.
TRIED_IMAGES = 8


def try_step(
    config: TrialConfig,
    images: Tensor,
    *,
    augmented: Callable[[], Any],
    objective: Any,
    terms_of: Callable[[], Any],
    parameters: list[Tensor],
) -> None:
    """Raise ConfigError unless an augmentation and an objective from outside do what theirs must.

    `augmented` augments `images`, (batch, channels, height, width) in [0, 1]; `terms_of` computes the terms of the
    objective, of whose weighted sum `parameters` must have a gradient.
    """
    with _blamed(config, AUGMENTATIONS):
        _require_images(config, images, augmented())
    with _blamed(config, OBJECTIVES):
        _require_objective(config, objective)
        terms = terms_of()
        _require_terms(config, terms)
        _require_weights(config, objective, terms)
        _require_gradient(config, weighted_total(terms, objective.weights(0.0)), parameters)


def _from_outside(config: TrialConfig, registry: Registry) -> bool:
    """Return whether what a configuration names in a registry is not the project's own."""
    name = config.values.get(registry.key)
    return name is not None and not registry[name].is_own


def has_tried_parts(config: TrialConfig) -> bool:
    """Return whether a step runs code from outside beside the network, which is tried when it is built."""
    return any(_from_outside(config, registry) for registry in (AUGMENTATIONS, OBJECTIVES, ESTIMATORS))


@contextmanager
def _blamed(config: TrialConfig, registry: Registry) -> Iterator[None]:
    """Raise ConfigError with the file and the line for an error in the block, if the code is from outside."""
    try:
        yield
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:
        if not _from_outside(config, registry):
            raise
        name = config.values[registry.key]
        where = line_of(error, registry[name].target.__module__)
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
        raise ConfigError([(registry.key, f"{name} fails on the first images ({where}: {reason})")]) from error


def _require_images(config: TrialConfig, before: Tensor, after: Any) -> None:
    """Raise ConfigError unless an augmentation has returned images like those that it got, in [0, 1]."""
    if not isinstance(after, Tensor):
        found = type(after).__name__
    elif after.shape != before.shape or after.dtype != before.dtype:
        found = f"{tuple(after.shape)} of {after.dtype}"
    elif not after.isfinite().all() or after.min() < 0 or after.max() > 1:
        found = f"pixels from {after.min():.4g} to {after.max():.4g}"
    else:
        return
    rule = f"{tuple(before.shape)} of {before.dtype} in [0, 1]"
    raise _fault(config, AUGMENTATIONS, f"returns {found} for {rule}, but must keep shape, type and range")


def _require_objective(config: TrialConfig, objective: Any) -> None:
    """Raise ConfigError unless what an objective's name builds is one."""
    if not isinstance(objective, Objective):
        rule = "but must be a training.losses.objective.Objective"
        raise _fault(config, OBJECTIVES, f"it is {type(objective).__name__}, {rule}")


def _require_terms(config: TrialConfig, terms: Any) -> None:
    """Raise ConfigError unless an objective has returned finite scalars by name."""
    if not isinstance(terms, Mapping) or not terms:
        found = type(terms).__name__ if not isinstance(terms, Mapping) else "no term"
        raise _fault(config, OBJECTIVES, f"terms returns {found}, but must return its terms by name")
    for name, term in terms.items():
        if not isinstance(term, Tensor) or term.ndim != 0:
            found = f"a tensor {tuple(term.shape)}" if isinstance(term, Tensor) else type(term).__name__
            raise _fault(config, OBJECTIVES, f"the term {name} is {found}, but must be a scalar tensor: use .mean()")
        if not term.isfinite():
            raise _fault(
                config, OBJECTIVES, f"the term {name} is {term.item()} on the first images, but must be finite"
            )


def _require_weights(config: TrialConfig, objective: Objective, terms: Mapping[str, Tensor]) -> None:
    """Raise ConfigError unless there is a number for each term."""
    weights: Any = objective.weights(0.0)
    found = sorted(weights) if isinstance(weights, Mapping) else type(weights).__name__
    if not isinstance(weights, Mapping) or set(terms) - set(weights):
        raise _fault(
            config, OBJECTIVES, f"weights returns {found}, but must return a number for each of {sorted(terms)}"
        )


def _require_gradient(config: TrialConfig, total: Tensor, parameters: list[Tensor]) -> None:
    """Raise ConfigError unless the loss has a gradient with respect to some weight, and all are finite."""
    gradients = torch.autograd.grad(total, parameters, allow_unused=True) if total.requires_grad else ()
    known = [gradient for gradient in gradients if gradient is not None]
    if not known:
        rule = "the loss has no gradient of the network's weights: it must not use detach, item or no_grad"
        raise _fault(config, OBJECTIVES, rule)
    if not all(gradient.isfinite().all() for gradient in known):
        raise _fault(config, OBJECTIVES, "the gradient of the loss is not finite on the first images")


def _fault(config: TrialConfig, registry: Registry, message: str) -> ConfigError:
    name = config.values[registry.key]
    return ConfigError([(registry.key, f"{name} ({file_of(registry[name].target.__module__)}): {message}")])
