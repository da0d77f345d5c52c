"""The attacks of an evaluation by name, with the parameters of Yu et al. 2023, Table 2, and of the literature."""

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
from training.config import TrialConfig
from training.evaluation.latent import LatentMode

# A literature's epsilon beside the paper's 0.031 (method.md, section 12, row 26).
_CIFAR_EPSILON, _LITERATURE_EPSILON = 0.031, 8 / 255
_CURVE_FACTORS = (0.25, 0.5, 1.0, 1.5, 2.0, 4.0, 8.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Suite:
    """Attacks to run, and those at other radii for robust accuracy against epsilon. `epsilon` is the headline's."""

    name: str
    epsilon: float
    attacks: tuple[Adversary, ...]
    curve: tuple[Adversary, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """How large attacks are on one data set: radius and step of PGD, rate of C&W, and the number of classes."""

    epsilon: float
    step_size: float
    rate: float
    classes: int
    draws: int = 1

    def resized(self, epsilon: float) -> "Scale":
        """Return the scale of another radius, its step in proportion; raise AttackError unless it is in (0, 1]."""
        require_epsilon(epsilon)
        if epsilon == 0:
            raise AttackError("epsilon is 0, but must be above 0: the natural accuracy is that at 0.")
        step_size = self.step_size * epsilon / self.epsilon if self.epsilon else epsilon / 8
        return replace(self, epsilon=epsilon, step_size=step_size)


_Build = Callable[[Scale], tuple[Adversary, ...]]


def _pgd(steps: int, **changes: object) -> _Build:
    return lambda s: (
        Pgd(epsilon=s.epsilon, step_size=s.step_size, steps=steps, draws=s.draws, **changes),  # type: ignore[arg-type]
    )


def _representation(_scale: Scale) -> tuple[Adversary, ...]:
    """Build Table 7's six, whose radii are given in 1/255 for every data set."""
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
# Needed classes, for what a suite must leave out; asked for by name, such an attack raises its own error.
_LEAST_CLASSES = {"apgd_dlr": 3, "apgd_t": 4}
_SUITES = {
    "quick": ("noise", "fgsm", "pgd20", "apgd_ce", "apgd_t"),
    "paper": ("pgd20", "pgd40", "cw", "autoattack"),
    "standard": (
        *("noise", "fgsm", "pgd20", "pgd40", "pgd100", "pgd100_margin"),
        *("cw", "cw_strong", "apgd_dlr", "autoattack"),
    ),
}
SUITES = tuple(_SUITES)
# Table 6: what is made on the surrogate.
_TRANSFERRED = ("pgd10", "pgd20", "pgd40", "cw", "square")


def scale_of(config: TrialConfig, classes: int) -> Scale:
    """Return Table 2's sizes for the paper's data sets, and the configuration's own for others."""
    if config.dataset == "mnist":
        # Table 2 says 0.031 for AutoAttack, the text 0.3: only the latter fits Table 4.
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
    """Build the suite `quick`, `paper` or `standard`, or with `attacks` (names of ATTACKS) another choice.

    `surrogate`, on the model's device and in [0, 1] like it, adds Table 6's transfer attacks, whose images are
    kept in the folder `cache`. With sampled latents PGD and FGSM take expectations, the others run on the mean
    path. Raise AttackError for a name that does not exist.
    """
    mode = latent or LatentMode()
    sized = replace(scale, draws=mode.attack_draws)
    names = _names(name, attacks, scale.classes)
    chosen = [attack for key in names for attack in _in_mode(key, sized, mode)]
    if name == "standard" and attacks is None and scale.epsilon == _CIFAR_EPSILON:
        literature = replace(scale, epsilon=_LITERATURE_EPSILON)
        chosen += _in_mode("autoattack", literature, mode)
    if surrogate is not None:
        made = [attack for key in _TRANSFERRED for attack in ATTACKS[key](scale)]
        chosen += [Transfer(surrogate=surrogate, attack=attack, cache=cache) for attack in made]
    return Suite(name=name, epsilon=scale.epsilon, attacks=tuple(chosen), curve=_curve(sized))


def _names(suite: str, attacks: Sequence[str] | None, classes: int) -> Sequence[str]:
    if suite not in _SUITES:
        raise AttackError(f"The suite is {suite!r}, but must be one of {', '.join(_SUITES)}.")
    if attacks is None:
        return [key for key in _SUITES[suite] if _LEAST_CLASSES.get(key, 0) <= classes]
    unknown = [key for key in attacks if key not in ATTACKS]
    if unknown or not attacks:
        raise AttackError(f"The attacks are {', '.join(attacks)}, but must be among {', '.join(ATTACKS)}.")
    return list(dict.fromkeys(attacks))


def _in_mode(name: str, scale: Scale, mode: LatentMode) -> list[Adversary]:
    """Return the attack as it must run in the mode."""
    built = list(ATTACKS[name](scale))
    if mode.name != "sampled" or name in ("noise", "representation", "autoattack_rand"):
        return built
    if name == "autoattack":
        return [*ATTACKS["autoattack_rand"](scale), *(MeanPath(attack=attack) for attack in built)]
    return built if name.startswith(("pgd", "fgsm")) else [MeanPath(attack=attack) for attack in built]


def _curve(scale: Scale) -> tuple[Adversary, ...]:
    """Build PGD-20 from a quarter of epsilon to 8 epsilons, and to 0.5 at least, where every image can turn grey."""
    radii = {min(factor * scale.epsilon, 1.0) for factor in _CURVE_FACTORS if scale.epsilon > 0}
    radii |= {0.5}
    # Steps that add up to 2.5 radii: Madry et al. 2018.
    return tuple(Pgd(epsilon=r, step_size=2.5 * r / 20, steps=20, draws=scale.draws) for r in sorted(radii))
