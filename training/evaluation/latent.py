"""The latent of the evaluated classifier: its mean, or draws that are averaged in attacks and predictions."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from training.attacks.adversary import AttackError, require_positive
from training.attacks.finite_logits import classes_of
from training.attacks.randomised import mean_probabilities
from training.models.bottleneck import Classifier, GaussianBottleneck

ATTACK_DRAWS, PREDICTION_DRAWS = 20, 50


@dataclass(frozen=True, kw_only=True, slots=True)
class LatentMode:
    """How the latent is used: `mean`, `sampled` or `naive`.

    `mean` is the deterministic classifier. `sampled` averages gradients over `attack_draws` draws and predictions over
    `prediction_draws` draws. `naive` uses one draw for each, as in most published figures for stochastic models. It
    exists to show that such figures are wrong: a lucky draw fools an attack that stops at its first success.
    """

    name: str = "mean"
    attack_draws: int = 1
    prediction_draws: int = 1

    def __post_init__(self) -> None:
        if self.name not in ("mean", "sampled", "naive"):
            raise AttackError(f"The latent is {self.name!r}, but must be mean, sampled or naive.", "latent")
        draws = {"attack_draws": self.attack_draws, "prediction_draws": self.prediction_draws}
        require_positive("The latent", **draws)

    @classmethod
    def named(cls, name: str) -> "LatentMode":
        """Return the mode with its usual draws: 20 per gradient and 50 per prediction if sampled, otherwise one."""
        if name == "sampled":
            return cls(name=name, attack_draws=ATTACK_DRAWS, prediction_draws=PREDICTION_DRAWS)
        return cls(name=name)

    @property
    def deterministic(self) -> bool:
        """Return whether two forward passes must be equal bit for bit."""
        return self.name == "mean"

    def record(self) -> dict[str, Any]:
        """Return the mode as plain values."""
        return {"latent": self.name, "attack_draws": self.attack_draws, "prediction_draws": self.prediction_draws}


class SampledClassifier(nn.Module):
    """A classifier that draws a new latent in every forward pass, from a generator of its own."""

    def __init__(self, classifier: Classifier, device: torch.device) -> None:
        super().__init__()
        self.mean_path = classifier
        self._generator = torch.Generator(device)

    def reseed(self, seed: int) -> None:
        """Seed the generator of the draws."""
        self._generator.manual_seed(seed)

    def forward(self, images: Tensor) -> Tensor:
        """Map images to the logits of one draw, (batch, classes)."""
        return self.mean_path.classify(self.mean_path.encode(images).sample(self._generator))

    def draw(self, images: Tensor, draws: int) -> Tensor:
        """Map images to the logits of several draws, (draws, batch, classes), with one pass through the encoder."""
        latent = self.mean_path.encode(images)
        return torch.stack([self.mean_path.classify(latent.sample(self._generator)) for _ in range(draws)])


def has_bottleneck(model: nn.Module) -> bool:
    """Return whether a model is a classifier with a Gaussian latent."""
    return isinstance(model, Classifier) and isinstance(model.bottleneck, GaussianBottleneck)


def model_in_mode(model: nn.Module, mode: LatentMode, device: torch.device) -> nn.Module:
    """Return the model to attack in this mode. Raise AttackError if the model has no latent to sample."""
    if mode.deterministic:
        return model
    if not isinstance(model, Classifier) or not has_bottleneck(model):
        raise AttackError(
            f"The latent is {mode.name}, but the model has no Gaussian bottleneck to sample; use mean.", "bottleneck"
        )
    return SampledClassifier(model, device)


def predict(model: nn.Module, images: Tensor, mode: LatentMode, seed: int) -> Tensor:
    """Return the class with the highest mean probability, (batch,), as `classes_of` does; `seed` fixes the draws."""
    with torch.no_grad():
        if isinstance(model, SampledClassifier):
            model.reseed(seed)
            return classes_of(mean_probabilities(model, images, mode.prediction_draws))
        return classes_of(model(images))
