"""What the name of an attack does not say: its norm, whether the threat model bounds it, and what it costs."""

from dataclasses import dataclass

from training.attacks.adversary import LINF


@dataclass(frozen=True, kw_only=True, slots=True)
class AttackFacts:
    """What an evaluation must know of an attack before it builds it.

    Attributes:
        norm: `linf` or `l2`, the norm of the ball, or in which the distance of an attack without a bound is measured.
        bounded: whether its images lie in a ball. In the l-infinity ball of the evaluation it counts for the worst
            case; without a bound it stands beside it.
        cost: the number of passes through the network for each image, in the attack's parameters: g is a forward and a
            backward pass, f a forward pass.
        least_classes: a suite leaves the attack out where the data have fewer classes.
        in_expectation: with sampled latents it runs as it is, because it averages over `draws`, or needs no gradient of
            the model. Another attack runs on the mean path.
        beside_mean_path: an attack that runs in addition where this one runs on the mean path.

    """

    norm: str = LINF
    bounded: bool = True
    cost: str = "unknown"
    least_classes: int = 2
    in_expectation: bool = False
    beside_mean_path: str | None = None
