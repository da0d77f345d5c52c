"""The suites of attacks of an evaluation, with the parameters of Yu et al. 2023, Table 2, and of the literature."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from training.attacks import Adversary, AttackError, Pgd, Scale, attacks_of, facts_of
from training.config import TrialConfig
from training.evaluation import paper_as_run
from training.evaluation.latent import LatentMode
from training.suite_names import SUITES, SuiteName

# The paper uses 0.031, the literature on CIFAR 8/255.
_CIFAR_EPSILON, _LITERATURE_EPSILON = 0.031, 8 / 255
_CURVE_FACTORS = (0.25, 0.5, 1.0, 1.5, 2.0, 4.0, 8.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Suite:
    """The attacks to run, and those of the `curve` of robust accuracy against epsilon.

    `epsilon` is the radius of the worst-case accuracy.
    """

    name: str
    epsilon: float
    attacks: tuple[Adversary, ...]
    curve: tuple[Adversary, ...] = ()


def scale_of(config: TrialConfig, classes: int) -> Scale:
    """Return the sizes of Table 2 for the paper's data sets, and those of the configuration for other data sets."""
    if config.dataset == "mnist":
        # For AutoAttack Table 2 has 0.031 and the text has 0.3; only 0.3 agrees with Table 4.
        return Scale(epsilon=0.3, step_size=0.01, rate=0.003, classes=classes)
    if config.dataset in ("cifar10", "cifar100"):
        return Scale(epsilon=_CIFAR_EPSILON, step_size=0.003, rate=0.01, classes=classes)
    return Scale(epsilon=config.epsilon, step_size=config.eval_attack_step_size, rate=0.01, classes=classes)


def build_suite(
    name: str,
    scale: Scale,
    *,
    latent: LatentMode | None = None,
    attacks: Sequence[str] | None = None,
    surrogate: nn.Module | None = None,
    cache: Path | None = None,
) -> Suite:
    """Build the suite `quick`, `paper`, `paper_as_run` or `standard`, or one with the named `attacks`.

    These are registered names, attacks of torchattacks or of a user, each with parameters or without (`attacks_of`).

    `surrogate`, on the device of the model and for images in [0, 1] as well, adds the transfer attacks of Table 6; the
    folder `cache` keeps their images. With sampled latents PGD and FGSM average over draws, and the other attacks run
    on the mean path. Raise AttackError for an unknown name.
    """
    mode = latent or LatentMode()
    sized = replace(scale, draws=mode.attack_draws, surrogate=surrogate, cache=cache)
    sampled = mode.name == "sampled"
    names = _names(name, attacks, scale)
    chosen = [attack for text in names for attack in attacks_of(text, sized, sampled=sampled)]
    if name == SuiteName.STANDARD and attacks is None and scale.epsilon == _CIFAR_EPSILON:
        chosen += attacks_of("autoattack", replace(sized, epsilon=_LITERATURE_EPSILON), sampled=sampled)
    if surrogate is not None and "transfer" not in names:
        chosen += attacks_of("transfer", sized)
    return Suite(name=name, epsilon=scale.epsilon, attacks=tuple(chosen), curve=_curve(sized))


def _names(suite: str, attacks: Sequence[str] | None, scale: Scale) -> Sequence[str]:
    if suite not in SUITES:
        raise AttackError(f"The suite is {suite!r}, but must be one of {', '.join(SUITES)}.", "suite")
    if attacks is None:
        names = SUITES[SuiteName(suite)]
        own = [name for name in names if facts_of(name).least_classes <= scale.classes]
        as_run = paper_as_run.names_as_run(scale.step_size, scale.rate, scale.classes)
        return [*own, *as_run] if suite == SuiteName.PAPER_AS_RUN else own
    if not attacks:
        raise AttackError("There is no attack to run: name one.", "attacks")
    return list(dict.fromkeys(attacks))


def _curve(scale: Scale) -> tuple[Adversary, ...]:
    """Build PGD-20 for radii from epsilon / 4 to 8 epsilon, and for 0.5, at which every image can become grey."""
    radii = {min(factor * scale.epsilon, 1.0) for factor in _CURVE_FACTORS if scale.epsilon > 0}
    radii |= {0.5}
    # The steps add up to 2.5 radii, as in Madry et al. 2018.
    return tuple(Pgd(epsilon=r, step_size=2.5 * r / 20, steps=20, draws=scale.draws) for r in sorted(radii))
