"""The adversarial representation attack: it moves the features of an image towards those of another image.

Yu et al. 2023, eq. 17, after Sabour et al. 2016, arXiv:1511.05122.
"""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.attacks.adversary import AttackError, LinfBall, require_epsilon, require_positive
from training.attacks.facts import AttackFacts
from training.registry import ATTACKS

_MISSING = "The representation attack needs SciPy: pip install scipy."


@dataclass(frozen=True, kw_only=True, slots=True)
class RepresentationAttack(LinfBall):
    """Minimise the squared distance between the features at `layer` and those of a guide of another class.

    The optimiser is L-BFGS-B with at most `iterations` iterations per image, in the ball of radius `epsilon` around
    the source, intersected with [0, 1]. Model and optimiser compute in float64. `layer` is a name of
    `model.named_modules()`; the default is the latent mean, the layer before the output. Every image is a source.
    Its guide is the next image of the batch with another label; after the last image the first one follows. Without
    a guide the image stays unchanged. (In the paper the first half of a batch are guides and the second half sources.)
    """

    family = "representation"
    whole_batch = True  # the guides are images of the batch
    epsilon: float
    iterations: int = 10
    layer: str = "bottleneck"

    def __post_init__(self) -> None:
        require_epsilon(self.epsilon)
        require_positive("The representation attack", iterations=self.iterations)

    @property
    def name(self) -> str:
        """Return the name for tables."""
        layer = "" if self.layer == "bottleneck" else f" {self.layer}"
        return f"ARA-{self.iterations}{layer}"

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, *, seed: int) -> Tensor:  # noqa: ARG002
        """Return adversarial images; see `Adversary`. Raise AttackError if the model has no such layer."""
        exact = copy.deepcopy(getattr(model, "mean_path", model)).double().eval().requires_grad_(requires_grad=False)
        layer = _find_layer(exact, self.layer)
        guides = guides_of(labels.cpu())
        found = images.clone()
        with torch.no_grad():
            targets = _features(exact, layer, images.double())
        for source, guide in enumerate(guides.tolist()):
            if guide != source:
                found[source] = self._approach(exact, layer, images[source], targets[guide])
        lowest, highest = (images - self.epsilon).clamp_min(0), (images + self.epsilon).clamp_max(1)
        return found.clamp(lowest, highest)

    def _approach(self, model: nn.Module, layer: nn.Module, source: Tensor, target: Tensor) -> Tensor:
        """Solve eq. 17 for one `source`, (channels, height, width); `target` (features,) belongs to its guide."""
        try:
            from scipy.optimize import Bounds, minimize
        except ImportError as error:
            raise AttackError(_MISSING, "scipy") from error
        start = source.detach().double().cpu().numpy().ravel()

        def distance(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            image = torch.as_tensor(flat.copy(), device=source.device).view(1, *source.shape).requires_grad_()
            with torch.enable_grad():
                value = (_features(model, layer, image)[0] - target).square().sum()
                (gradient,) = torch.autograd.grad(value, image)
            return value.item(), gradient.cpu().numpy().ravel()

        box = Bounds(np.maximum(start - self.epsilon, 0), np.minimum(start + self.epsilon, 1))
        solved = minimize(
            distance, start, jac=True, method="L-BFGS-B", bounds=box, options={"maxiter": self.iterations}
        )
        return torch.as_tensor(solved.x.copy(), dtype=source.dtype, device=source.device).view(source.shape)


@ATTACKS.register("representation", facts=AttackFacts(cost="about 90 g in float64", in_expectation=True))
def _table_7() -> tuple[RepresentationAttack, ...]:
    """Return the six attacks of Table 7, whose radii are in units of 1/255 for every data set."""
    return tuple(RepresentationAttack(epsilon=e / 255, iterations=n) for n in (10, 20) for e in (5, 10, 15))


def guides_of(labels: Tensor) -> Tensor:
    """Return the index of each image's guide, (batch,): the next image with another label, or the image itself."""
    count = len(labels)
    ahead = (torch.arange(count)[:, None] + torch.arange(count)) % count
    differs = labels[ahead] != labels[:, None]
    # argmax returns the first True, and 0, which is the image itself, if there is none.
    return ahead.gather(1, differs.int().argmax(dim=1, keepdim=True)).squeeze(1)


def _find_layer(model: nn.Module, name: str) -> nn.Module:
    layers = dict(model.named_modules())
    if name not in layers or not name:
        known = ", ".join(key for key in layers if key)
        raise AttackError(f"The model has no layer {name!r}; it has {known}.", "layer")
    layer: nn.Module = layers[name]
    return layer


def _features(model: nn.Module, layer: nn.Module, images: Tensor) -> Tensor:
    """Return the output of `layer` for `images`, (batch, features); for a Gaussian, its mean."""
    seen: list[Tensor] = []

    def keep(_layer: nn.Module, _inputs: Any, output: Any) -> None:
        seen.append(output if isinstance(output, Tensor) else output.mu)

    handle = layer.register_forward_hook(keep)
    try:
        model(images)
    finally:
        handle.remove()
    return seen[-1].flatten(1)
