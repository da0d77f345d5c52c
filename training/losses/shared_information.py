"""The objective of "Improving adversarial robustness by learning shared information", Yu et al. 2023."""

from collections.abc import Callable, Collection

from torch import Tensor
from torch.nn import functional

from training.losses.hsic import hsic
from training.losses.objective import Objective
from training.losses.symmetric_kl import symmetric_kl, symmetric_kl_of_logits
from training.losses.view import Look, View
from training.models.bottleneck import Gaussian


class SharedInformation(Objective):
    """alpha*CE(adversarial) + (1-alpha)*CE(natural) + lambda*SKL - beta*I(z; z'); Yu et al. 2023, eq. 16.

    The information I is subtracted: it keeps the encoder from making the symmetric KL divergence small by
    mapping every image to one point. `names` switches terms off (Table 10): the others keep their weights.
    `on_output` moves SKL and I from p(z|x) to p(y|x) (Table 14).
    """

    ramped = True

    def __init__(
        self,
        *,
        names: Collection[str],
        alpha: float,
        beta: float,
        on_output: bool,
        neighbours: int,
        normalisation: str,
        width: str,
    ) -> None:
        self._names = names
        self._alpha = alpha
        self._beta = beta
        self._on_output = on_output
        self._neighbours = neighbours
        self._normalisation = normalisation
        self._width = width

    def terms(self, look: Look, images: Tensor, adversarial: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Give the terms that are switched on."""
        clean, attacked = look(images, adversarial)
        terms: dict[str, Callable[[], Tensor]] = {
            "natural_cross_entropy": lambda: functional.cross_entropy(clean.logits, labels),
            "adversarial_cross_entropy": lambda: functional.cross_entropy(attacked.logits, labels),
            "symmetric_kl": lambda: self._divergence(clean, attacked),
            "information": lambda: self._information(clean, attacked),
        }
        return {name: term() for name, term in terms.items() if name in self._names}

    def weights(self, lam: float) -> dict[str, float]:
        """Give alpha's two shares, lambda, and minus beta."""
        return {
            "natural_cross_entropy": 1 - self._alpha,
            "adversarial_cross_entropy": self._alpha,
            "symmetric_kl": lam,
            "information": -self._beta,
        }

    def _divergence(self, clean: View, attacked: View) -> Tensor:
        if self._on_output:
            return symmetric_kl_of_logits(clean.logits, attacked.logits)
        first, second = clean.latent, attacked.latent
        if not isinstance(first, Gaussian) or not isinstance(second, Gaussian):
            raise TypeError("Without a bottleneck there is no p(z|x); the symmetric KL must act on the output.")
        return symmetric_kl(first, second)

    def _information(self, clean: View, attacked: View) -> Tensor:
        pair = (clean.z, attacked.z)
        if self._on_output:
            pair = (clean.logits.softmax(dim=1), attacked.logits.softmax(dim=1))
        return hsic(*pair, neighbours=self._neighbours, normalisation=self._normalisation, width=self._width)
