"""The suites of attacks of an evaluation, with the parameters of Yu et al. 2023, Table 2, and of the literature."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from training.attacks import Adversary, AttackError, Pgd, Scale, attacks_of, facts_of
from training.config import TrialConfig
from training.evaluation import paper_as_run
from training.evaluation.latent import LatentMode
from training.norms import L2, LINF
from training.suite_names import SUITES, SuiteName

# The paper uses 0.031, the literature on CIFAR 8/255, and in l2 128/255 (Rice et al. 2020, arXiv:2002.11569).
_CIFAR_EPSILON, _LITERATURE_EPSILON, _CIFAR_L2_EPSILON = 0.031, 8 / 255, 128 / 255
_CIFAR = ("cifar10", "cifar100")
_CURVE_FACTORS = (0.25, 0.5, 1.0, 1.5, 2.0, 4.0, 8.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Suite:
    """The attacks to run, and those of the `curve` of robust accuracy against epsilon.

    `epsilon` is the radius of the worst-case accuracy, in `norm`.
    """

    name: str
    epsilon: float
    attacks: tuple[Adversary, ...]
    curve: tuple[Adversary, ...] = ()
    norm: str = LINF


def scale_of(
    config: TrialConfig,
    classes: int,
    *,
    norm: str | None = None,
    epsilon: float | None = None,
    dimensions: int | None = None,
) -> Scale:
    """Return the sizes of the attacks on a data set.

    In l-infinity they are those of Table 2 for the paper's data sets, in l2 those of the literature for CIFAR, and
    otherwise those of the configuration. `norm` and `epsilon` take the place of the configuration's norm and of this
    radius, with the step size in proportion. `dimensions` is the number of values of an image. Raise AttackError for a
    radius that no ball has, or if there is none for the norm.
    """
    chosen = norm or config.norm
    usual = _usual_scale(config, classes, chosen)
    if usual is None and epsilon is None:
        rule = "is none in the configuration, and no usual one for the data; give a radius (epsilon)"
        raise AttackError(f"The evaluation is in {chosen}, but the radius {rule}.", "epsilon")
    scale = usual or Scale(norm=chosen, epsilon=0, step_size=0, rate=0.01, classes=classes)
    scale = replace(scale, dimensions=dimensions)
    if epsilon is None or (usual is not None and epsilon == usual.epsilon):
        return scale
    return scale.resized(epsilon)


def _usual_scale(config: TrialConfig, classes: int, norm: str) -> Scale | None:
    if norm == LINF and config.dataset == "mnist":
        # For AutoAttack Table 2 has 0.031 and the text has 0.3; only 0.3 agrees with Table 4.
        return Scale(epsilon=0.3, step_size=0.01, rate=0.003, classes=classes)
    if norm == LINF and config.dataset in _CIFAR:
        return Scale(epsilon=_CIFAR_EPSILON, step_size=0.003, rate=0.01, classes=classes)
    if norm == L2 and config.dataset in _CIFAR:
        # 20 steps add up to 2.5 radii, as in Madry et al. 2018.
        radius = _CIFAR_L2_EPSILON
        return Scale(norm=L2, epsilon=radius, step_size=2.5 * radius / 20, rate=0.01, classes=classes)
    if norm != config.norm:
        return None
    step_size = config.eval_attack_step_size
    return Scale(norm=norm, epsilon=config.epsilon, step_size=step_size, rate=0.01, classes=classes)


def build_suite(
    name: str,
    scale: Scale,
    *,
    latent: LatentMode | None = None,
    attacks: Sequence[str] | None = None,
    surrogate: nn.Module | None = None,
    cache: Path | None = None,
    bottleneck: bool | None = None,
) -> Suite:
    """Build the suite `quick`, `paper`, `paper_as_run` or `standard`, or one with the named `attacks`.

    These are registered names, attacks of torchattacks or of a user, each with parameters or without (`attacks_of`).

    `surrogate`, on the device of the model and for images in [0, 1] as well, adds the transfer attacks of Table 6; the
    folder `cache` keeps their images. `bottleneck` says whether the model has one: an attack on it is left out of a
    suite unless it has, and refused by name if it has none. With sampled latents PGD and FGSM average over draws, and
    the other attacks run on the mean path. Without `scale.dimensions` a suite in l2 has no curve. Raise AttackError for
    an unknown name, or one that does not exist in the norm.
    """
    mode = latent or LatentMode()
    sized = replace(scale, draws=mode.attack_draws, surrogate=surrogate, cache=cache)
    sampled = mode.name == "sampled"
    names = _names(name, attacks, scale, bottleneck=bottleneck)
    chosen = [attack for text in names for attack in attacks_of(text, sized, sampled=sampled)]
    if name == SuiteName.STANDARD and attacks is None and (scale.norm, scale.epsilon) == (LINF, _CIFAR_EPSILON):
        chosen += attacks_of("autoattack", replace(sized, epsilon=_LITERATURE_EPSILON), sampled=sampled)
    if surrogate is not None and "transfer" not in names:
        chosen += attacks_of("transfer", sized)
    return Suite(name=name, norm=scale.norm, epsilon=scale.epsilon, attacks=tuple(chosen), curve=_curve(sized))


def _names(suite: str, attacks: Sequence[str] | None, scale: Scale, *, bottleneck: bool | None) -> Sequence[str]:
    if suite not in SUITES:
        raise AttackError(f"The suite is {suite!r}, but must be one of {', '.join(SUITES)}.", "suite")
    if attacks is None:
        if suite == SuiteName.PAPER_AS_RUN and scale.norm != LINF:
            rule = f"exists only in {LINF}, as Table 2 does; take another suite for {scale.norm}"
            raise AttackError(f"The suite {suite} {rule}.", "suite")
        names = SUITES[SuiteName(suite)]
        facts = {name: facts_of(name) for name in names}
        own = [name for name in names if facts[name].least_classes <= scale.classes]
        own = [name for name in own if bottleneck or not facts[name].needs_bottleneck]
        as_run = paper_as_run.names_as_run(scale.step_size, scale.rate, scale.classes)
        return [*own, *as_run] if suite == SuiteName.PAPER_AS_RUN else own
    if not attacks:
        raise AttackError("There is no attack to run: name one.", "attacks")
    unfit = [name for name in attacks if bottleneck is False and facts_of(name).needs_bottleneck]
    if unfit:
        raise AttackError(f"The attack {unfit[0]} needs a model with a bottleneck: leave it out.", unfit[0])
    return list(dict.fromkeys(attacks))


def _curve(scale: Scale) -> tuple[Adversary, ...]:
    """Build PGD-20 for radii from epsilon / 4 to 8 epsilon, and for the one at which every image can become grey."""
    if scale.norm == LINF:
        grey = 0.5
    elif scale.dimensions is not None:
        grey = 0.5 * math.sqrt(scale.dimensions)
    else:
        return ()
    # Twice as far as grey every image can become every other one.
    radii = {min(factor * scale.epsilon, 2 * grey) for factor in _CURVE_FACTORS if scale.epsilon > 0} | {grey}
    # The steps add up to 2.5 radii, as in Madry et al. 2018.
    return tuple(
        Pgd(norm=scale.norm, epsilon=r, step_size=2.5 * r / 20, steps=20, draws=scale.draws) for r in sorted(radii)
    )
