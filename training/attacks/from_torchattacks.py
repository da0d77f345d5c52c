"""The attacks of torchattacks (Kim 2020, arXiv:2010.01950) by name, such as `torchattacks:PGD(eps=8/255, steps=20)`.

A parameter that is not given has torchattacks' own default, but for five: the bound is the radius of the evaluation,
and `norm` its norm where an attack has both, the step size `alpha` is in proportion to the bound (with the default of
2/255, ten steps reach the edge of no ball above 20/255), `n_classes` is that of the model, and `seed` is the
evaluation's. The defaults of versions 3.3 to 3.5 are weak: APGD and FAB take 10 steps, in AutoAttack as well, and SPSA
moves once. Therefore a name for tables always shows the steps.
"""

import inspect
import math
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from training.attacks.adversary import AttackError, count_classes, require_epsilon
from training.attacks.call_text import Value, parse_call
from training.attacks.pgd import frozen
from training.compute.random_streams import preserved_randomness, seed_generators
from training.nearest_names import did_you_mean
from training.norms import L2, LINF

PREFIX = "torchattacks:"


@dataclass(frozen=True)
class Facts:
    """What the name of an attack does not say: its norm, the names of its bound and number of steps, and its cost.

    `bound` is None if nothing bounds the distance, which is then measured in `norm`. `steps` is None if it has no
    number of steps. `cost` is the number of passes through the network for each image, in the attack's parameters: g is
    a forward and a backward pass, f a forward pass. With `chooses_norm` it has a parameter `norm`, Linf or L2.
    """

    norm: str = LINF
    bound: str | None = "eps"
    steps: str | None = "steps"
    cost: str = "steps g"
    chooses_norm: bool = False


def _free(cost: str, steps: str | None = "steps") -> Facts:
    return Facts(norm=L2, bound=None, steps=steps, cost=cost)


# Every attack of versions 3.3.0 and 3.5.1, but for the wrappers MultiAttack and LGV, which take attacks and data.
ATTACKS: Mapping[str, Facts] = {
    "VANILA": _free("none", steps=None),
    "GN": _free("none", steps=None),
    "FGSM": Facts(steps=None, cost="1 g"),
    "FFGSM": Facts(steps=None, cost="1 g"),
    **dict.fromkeys(
        ("BIM", "RFGSM", "PGD", "TPGD", "MIFGSM", "DIFGSM", "TIFGSM", "Jitter", "NIFGSM"),
        Facts(),
    ),
    **dict.fromkeys(("EOTPGD", "UPGD"), Facts(cost="steps * eot_iter g")),
    "PGDRS": Facts(cost="steps * noise_batch_size g"),
    "SINIFGSM": Facts(cost="steps * m g"),
    **dict.fromkeys(("VMIFGSM", "VNIFGSM"), Facts(cost="steps * (N + 1) g")),
    "APGD": Facts(cost="n_restarts * steps * eot_iter g", chooses_norm=True),
    "APGDT": Facts(cost="(n_classes - 1) * n_restarts * steps * eot_iter g", chooses_norm=True),
    "FAB": Facts(cost="n_restarts * steps * n_classes g", chooses_norm=True),
    "Square": Facts(steps="n_queries", cost="n_restarts * n_queries f", chooses_norm=True),
    "AutoAttack": Facts(steps=None, cost="APGD + APGDT + FAB + Square", chooses_norm=True),
    "SPSA": Facts(steps="nb_iter", cost="2 * nb_iter * nb_sample f"),
    "PIFGSM": Facts(bound="max_epsilon", steps="num_iter_set", cost="num_iter_set g"),
    "PIFGSMPP": Facts(bound="max_epsilon", steps="num_iter_set", cost="num_iter_set g"),
    "PGDL2": Facts(norm=L2),
    "PGDRSL2": Facts(norm=L2, cost="steps * noise_batch_size g"),
    "CW": _free("steps g"),
    "DeepFool": _free("steps * classes g"),
    "SparseFool": _free("at most steps runs of DeepFool"),
    "OnePixel": _free("steps * popsize f"),
    "Pixle": _free("restarts * max_iterations f", steps="max_iterations"),
    "JSMA": _free("gamma * values / 2 times classes g, and memory for values^2 of an image", steps=None),
    "EADL1": _free("binary_search_steps * max_iterations g", steps="max_iterations"),
    "EADEN": _free("binary_search_steps * max_iterations g", steps="max_iterations"),
}
_NORMS = {"Linf": LINF, "L2": L2}
_ROUNDING = 1e-5


@dataclass(frozen=True, kw_only=True, slots=True)
class TorchAttack:
    """One attack of torchattacks with its parameters, sorted by name, as the library calls them."""

    attack: str
    parameters: tuple[tuple[str, Value], ...]
    family = "torchattacks"
    # Some stop early by what happened in the whole batch, and draw random numbers for it as a whole.
    whole_batch = True

    @property
    def name(self) -> str:
        """Return the name for tables: the attack, its steps and every parameter that was given."""
        shown = {key: value for key, value in self.parameters if key != "norm"}
        facts = ATTACKS[self.attack]
        if facts.steps is not None and facts.steps not in shown:
            shown[facts.steps] = self.defaults[facts.steps]
        shown.pop(facts.bound or "", None)
        inside = ", ".join(
            f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}" for key, value in shown.items()
        )
        return f"torchattacks-{self.attack}({inside})"

    @property
    def defaults(self) -> dict[str, Any]:
        """Return all parameters of the attack with torchattacks' own defaults."""
        return _defaults(self.attack)

    @property
    def norm(self) -> str:
        """Return the norm of the ball, or in which the distance of an attack without bound is measured."""
        facts = ATTACKS[self.attack]
        return _NORMS[str(dict(self.parameters).get("norm", "Linf"))] if facts.chooses_norm else facts.norm

    @property
    def epsilon(self) -> float:
        """Return the radius of the ball; infinity if nothing bounds the distance."""
        bound = ATTACKS[self.attack].bound
        return math.inf if bound is None else float(dict(self.parameters)[bound])  # type: ignore[arg-type]

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, *, seed: int) -> Tensor:
        """Return adversarial images; see `Adversary`. Raise AttackError if the attack itself fails."""
        parameters = dict(self.parameters)
        own = self.defaults
        if "n_classes" in own:
            parameters.setdefault("n_classes", count_classes(model, images))
        if "seed" in own:
            parameters.setdefault("seed", seed)
        # CW of 3.3.0 indexes a matrix on the default device with labels on that of the images.
        place = images.device if self.attack == "CW" and images.is_cuda else nullcontext()
        with frozen(model), preserved_randomness(images.device), place:
            seed_generators(seed)
            attack = _class(self.attack)(model, **parameters)
            try:
                # Contiguous: FAB and Square cannot view images in channels last.
                found: Tensor = attack(images.contiguous(), labels)
            except (RuntimeError, IndexError, ValueError, AttributeError, TypeError) as error:
                reason = " ".join(str(error).split())
                raise AttackError(f"{self.name} failed ({type(error).__name__}: {reason}).", self.attack) from error
        # EADL1 and EADEN leave [0, 1] by the rounding of their own coordinates, up to 3e-6.
        inside = found.detach().clamp(0, 1)
        return (inside if (inside - found).abs().max() < _ROUNDING else found.detach()).contiguous()


def parse_torchattack(text: str, epsilon: float, norm: str = LINF) -> TorchAttack:
    """Return the attack that a text such as `torchattacks:PGD(eps=8/255, steps=20)` names.

    `norm` and `epsilon` are those of the evaluation. An attack in another norm needs a bound of its own. Raise
    AttackError if it has none, if the text has another form, if the installed version has no such attack, or if a
    parameter is unknown.
    """
    whole, given = parse_call(text)
    name = whole.removeprefix(PREFIX)
    if not name:
        raise AttackError(f"{text!r} must have the form {PREFIX}PGD(eps=8/255, steps=20).", text)
    own = _defaults(name)
    if unknown := [key for key in given if key not in own]:
        hint = did_you_mean(unknown[0], own, most=1) or f"it has {', '.join(own)}."
        raise AttackError(f"{PREFIX}{name} has no parameter {unknown[0]}: {hint}", text)
    facts = ATTACKS[name]
    if facts.chooses_norm and given.get("norm", "Linf") not in _NORMS:
        raise AttackError(f"The norm of {PREFIX}{name} is {given['norm']!r}, but must be Linf or L2.", text)
    if facts.chooses_norm and norm == L2:
        given.setdefault("norm", "L2")
    attack = TorchAttack(attack=name, parameters=tuple(sorted(given.items())))
    if facts.bound is None:
        return attack
    if attack.norm != norm and facts.bound not in given:
        rule = f"is bounded in {attack.norm}, but the evaluation in {norm}: give it a bound of its own"
        raise AttackError(f"{PREFIX}{name} {rule}, such as {facts.bound}=0.5.", text)
    radius = float(given.setdefault(facts.bound, epsilon))  # type: ignore[arg-type]
    require_epsilon(radius, attack.norm)
    if "alpha" in own and attack.norm in {LINF, norm}:
        given.setdefault("alpha", own["alpha"] * radius / own[facts.bound])
    return TorchAttack(attack=name, parameters=tuple(sorted(given.items())))


def _class(name: str) -> Any:
    """Return the class of an attack. Raise AttackError if torchattacks is absent, or has no such attack."""
    try:
        import torchattacks
    except ImportError as error:
        raise AttackError("These attacks need the package torchattacks: pip install torchattacks.", name) from error
    known = [each for each in ATTACKS if hasattr(torchattacks, each)]
    if name not in known:
        hint = did_you_mean(name, known, most=1) or f"it has {', '.join(known)}."
        version = torchattacks.__version__
        raise AttackError(f"torchattacks {version} has no attack {name}: {hint}", name)
    return getattr(torchattacks, name)


def _defaults(name: str) -> dict[str, Any]:
    """Return the parameters of an attack with their defaults, without the model."""
    parameters = inspect.signature(_class(name).__init__).parameters.values()
    return {each.name: each.default for each in parameters if each.name not in {"self", "model"}}
