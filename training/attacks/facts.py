"""What the name of an attack does not say: its norm, whether the threat model bounds it, and what it costs."""

from dataclasses import dataclass

from training.norms import LINF, NORMS


@dataclass(frozen=True, kw_only=True, slots=True)
class AttackFacts:
    """What an evaluation must know of an attack before it builds it.

    Attributes:
        norm: `linf` or `l2`, the norm of the ball, or in which the distance of an attack without a bound is measured.
        either_norm: it exists in both norms, and attacks in that of the evaluation, in place of `norm`.
        bounded: whether its images lie in a ball. In the ball of the evaluation it counts for the worst case. Without a
            bound, those of its images that lie in that ball count.
        cost: the number of passes through the network for each image, in the attack's parameters: g is a forward and a
            backward pass, f a forward pass.
        least_classes: a suite leaves the attack out where the data have fewer classes.
        needs_bottleneck: a suite leaves the attack out for a model without a bottleneck.
        in_expectation: with sampled latents it runs as it is, because it averages over `draws`, or needs no gradient of
            the model. Another attack runs on the mean path.
        beside_mean_path: an attack that runs in addition where this one runs on the mean path.

    """

    norm: str = LINF
    either_norm: bool = False
    bounded: bool = True
    cost: str = "unknown"
    least_classes: int = 2
    needs_bottleneck: bool = False
    in_expectation: bool = False
    beside_mean_path: str | None = None

    def norm_in(self, evaluation: str) -> str:
        """Return the norm of the attack in an evaluation with the norm `evaluation`."""
        return evaluation if self.either_norm else self.norm

    @property
    def norms(self) -> str:
        """Return the norms in which it exists, in words."""
        return " or ".join(NORMS) if self.either_norm else self.norm
