"""The suites of attacks of an evaluation, with the parameters of Yu et al. 2023, Table 2, and of the literature."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from training.attacks import (
    Adversary,
    AttackError,
    CarliniWagner,
    Fab,
    Fgsm,
    MeanPath,
    Noise,
    Pgd,
    RepresentationAttack,
    Square,
    Transfer,
    auto_attack,
)
from training.attacks.adversary import require_epsilon
from training.attacks.autoattack import Apgd
from training.attacks.from_torchattacks import PREFIX, parse_torchattack
from training.config import TrialConfig
from training.evaluation import paper_as_run
from training.evaluation.latent import LatentMode

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """The sizes of the attacks on one data set: radius and step size of PGD, rate of C&W, number of classes.

    `draws` is the number of draws of the latent per gradient.
    """

    epsilon: float
    step_size: float
    rate: float
    classes: int
    draws: int = 1

    def resized(self, epsilon: float) -> "Scale":
        """Return the scale for another radius, with the step size in proportion.

        Raise AttackError unless `epsilon` is in (0, 1].
        """
        require_epsilon(epsilon)
        if epsilon == 0:
            raise AttackError("epsilon is 0, but must be above 0; the accuracy at 0 is the natural one.", "epsilon")
        step_size = self.step_size * epsilon / self.epsilon if self.epsilon else epsilon / 8
        return replace(self, epsilon=epsilon, step_size=step_size)


_Build = Callable[[Scale], tuple[Adversary, ...]]


def _pgd(steps: int, **changes: object) -> _Build:
    return lambda s: (
        Pgd(epsilon=s.epsilon, step_size=s.step_size, steps=steps, draws=s.draws, **changes),  # type: ignore[arg-type]
    )


def _representation(_scale: Scale) -> tuple[Adversary, ...]:
    """Build the six attacks of Table 7, whose radii are in units of 1/255 for every data set."""
    return tuple(RepresentationAttack(epsilon=e / 255, iterations=n) for n in (10, 20) for e in (5, 10, 15))


ATTACKS: dict[str, _Build] = {
    "noise": lambda s: (Noise(epsilon=s.epsilon),),
    "fgsm": lambda s: (Fgsm(epsilon=s.epsilon, draws=s.draws),),
    "pgd10": _pgd(10),
    "pgd20": _pgd(20),
    "pgd40": _pgd(40),
    "pgd100": _pgd(100, restarts=5),
    "pgd100_margin": _pgd(100, loss="margin"),
    "cw": lambda s: (CarliniWagner(rate=s.rate),),
    "cw_strong": lambda s: (CarliniWagner(steps=100, rate=s.rate, searches=6),),
    "apgd_ce": lambda s: (Apgd(epsilon=s.epsilon),),
    "apgd_dlr": lambda s: (Apgd(epsilon=s.epsilon, loss="dlr"),),
    "apgd_t": lambda s: (Apgd(epsilon=s.epsilon, loss="targeted", targets=min(9, s.classes - 1)),),
    "fab_t": lambda s: (Fab(epsilon=s.epsilon, targets=min(9, s.classes - 1)),),
    "square": lambda s: (Square(epsilon=s.epsilon),),
    "autoattack": lambda s: (auto_attack(s.epsilon, classes=s.classes),),
    "autoattack_rand": lambda s: (auto_attack(s.epsilon, version="rand", classes=s.classes),),
    "representation": _representation,
}
# The least number of classes. A suite leaves an attack out that needs more; if it was named, it raises its own error.
LEAST_CLASSES = {"apgd_dlr": 3, "apgd_t": 4}
_SUITES = {
    "quick": ("noise", "fgsm", "pgd20", "apgd_ce", "apgd_t"),
    "paper": ("pgd20", "pgd40", "cw", "autoattack"),
    # With those of torchattacks, whose names depend on the scale.
    paper_as_run.NAME: ("pgd20", "pgd40", "cw", "autoattack"),
    "standard": (
        *("noise", "fgsm", "pgd20", "pgd40", "pgd100", "pgd100_margin"),
        *("cw", "cw_strong", "apgd_dlr", "autoattack"),
    ),
}
SUITES = tuple(_SUITES)
# The attacks of Table 6, which are made on the surrogate.
_TRANSFERRED = ("pgd10", "pgd20", "pgd40", "cw", "square")


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

    These are keys of ATTACKS, or attacks of torchattacks (see `parse_torchattack`).

    `surrogate`, on the device of the model and for images in [0, 1] as well, adds the transfer attacks of Table 6; the
    folder `cache` keeps their images. With sampled latents PGD and FGSM average over draws, and the other attacks run
    on the mean path. Raise AttackError for an unknown name.
    """
    mode = latent or LatentMode()
    sized = replace(scale, draws=mode.attack_draws)
    names = _names(name, attacks, scale)
    chosen = [attack for key in names for attack in _attacks_in_mode(key, sized, mode)]
    if name == "standard" and attacks is None and scale.epsilon == _CIFAR_EPSILON:
        literature = replace(scale, epsilon=_LITERATURE_EPSILON)
        chosen += _attacks_in_mode("autoattack", literature, mode)
    if surrogate is not None:
        made = [attack for key in _TRANSFERRED for attack in ATTACKS[key](scale)]
        chosen += [Transfer(surrogate=surrogate, attack=attack, cache=cache) for attack in made]
    return Suite(name=name, epsilon=scale.epsilon, attacks=tuple(chosen), curve=_curve(sized))


def split_names(text: str) -> list[str]:
    """Return the names of attacks in a list such as `pgd20,torchattacks:PGD(eps=8/255, steps=20)`."""
    return [name.strip() for name in re.split(r",(?![^(]*\))", text)]


def _names(suite: str, attacks: Sequence[str] | None, scale: Scale) -> Sequence[str]:
    if suite not in _SUITES:
        raise AttackError(f"The suite is {suite!r}, but must be one of {', '.join(_SUITES)}.", "suite")
    if attacks is None:
        own = [key for key in _SUITES[suite] if LEAST_CLASSES.get(key, 0) <= scale.classes]
        as_run = paper_as_run.names_as_run(scale.step_size, scale.rate, scale.classes)
        return [*own, *as_run] if suite == paper_as_run.NAME else own
    unknown = [key for key in attacks if key not in ATTACKS and not key.startswith(PREFIX)]
    if unknown or not attacks:
        known = f"{', '.join(ATTACKS)}, or {PREFIX}NAME"
        raise AttackError(f"The attacks are {', '.join(attacks)}, but must be among {known}.", "attacks")
    return list(dict.fromkeys(attacks))


def _attacks_in_mode(name: str, scale: Scale, mode: LatentMode) -> list[Adversary]:
    """Return the attacks of this name as they must run in the latent mode."""
    if name.startswith(PREFIX):
        attack = parse_torchattack(name, scale.epsilon)
        return [MeanPath(attack=attack) if mode.name == "sampled" else attack]
    built = list(ATTACKS[name](scale))
    if mode.name != "sampled" or name in ("noise", "representation", "autoattack_rand"):
        return built
    if name == "autoattack":
        return [*ATTACKS["autoattack_rand"](scale), *(MeanPath(attack=attack) for attack in built)]
    return built if name.startswith(("pgd", "fgsm")) else [MeanPath(attack=attack) for attack in built]


def _curve(scale: Scale) -> tuple[Adversary, ...]:
    """Build PGD-20 for radii from epsilon / 4 to 8 epsilon, and for 0.5, at which every image can become grey."""
    radii = {min(factor * scale.epsilon, 1.0) for factor in _CURVE_FACTORS if scale.epsilon > 0}
    radii |= {0.5}
    # The steps add up to 2.5 radii, as in Madry et al. 2018.
    return tuple(Pgd(epsilon=r, step_size=2.5 * r / 20, steps=20, draws=scale.draws) for r in sorted(radii))
