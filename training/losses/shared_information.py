"""The objective of "Improving adversarial robustness by learning shared information", Yu et al. 2023."""

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import combinations
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from training.attacks import TrainingAttack, cross_entropy_of
from training.compute.parallel import ALONE, Group
from training.config.fields import (
    choice,
    choices_of,
    not_negative,
    positive,
    share,
    share_above_zero,
    sourced,
    strengths,
)
from training.config.name_fields import named
from training.losses.forward_pass import ForwardPass, ModelOutput
from training.losses.information import InformationEstimator
from training.losses.lambda_ramp import LambdaRamp
from training.losses.objective import Batch, Objective
from training.losses.symmetric_kl import symmetric_kl, symmetric_kl_of_logits
from training.models import Classifier
from training.models.bottleneck import Gaussian
from training.registry import ESTIMATORS, OBJECTIVES
from training.registry_entry import Problems

# The terms, in the order of their computation.
TERMS = ("natural_cross_entropy", "adversarial_cross_entropy", "symmetric_kl", "information")


class SharedInformation(Objective):
    """alpha*CE(adversarial) + (1-alpha)*CE(natural) + lambda*SKL - beta*I(z; z'); Yu et al. 2023, eq. 16.

    `lam` is lambda by the fraction of the budget. `information` estimates I. It is subtracted because otherwise the
    encoder could make the symmetric KL divergence small by mapping every image to the same point. `names` selects the
    terms (Table 10); the selected ones keep their weights. `on_output` moves SKL and I from p(z|x) to p(y|x) (Table
    14).

    `strengths` has one value for each adversarial view: the strength of its attack in units of the radius. The paper
    has one view of strength 1; section 5 names several views as an extension, without a formula. Here the adversarial
    CE is then the mean over the adversarial views, and SKL and I are means over all pairs of views, including the
    clean one. For one adversarial view this is eq. 16, and with more views the weights keep their meaning.

    Batches are the rows of one process of the `group`.
    """

    def __init__(
        self,
        *,
        names: Collection[str],
        alpha: float,
        beta: float,
        lam: Callable[[float], float],
        on_output: bool,
        information: InformationEstimator,
        strengths: Sequence[float] = (1.0,),
        group: Group = ALONE,
    ) -> None:
        self._names = names
        self._alpha = alpha
        self._beta = beta
        self._lam = lam
        self._on_output = on_output
        self._information = information
        self._strengths = strengths
        self._group = group
        self._seen: list[tuple[Tensor, Tensor]] = []
        self.unrecorded = getattr(information, "unrecorded", None) if "information" in names else None

    def terms(self, batch: Batch, attack: TrainingAttack, forward_pass: ForwardPass) -> dict[str, Tensor]:
        """Return the selected terms."""
        loss = cross_entropy_of(batch.labels)
        adversarial = [attack(batch.images, loss, strength=strength) for strength in self._strengths]
        views = forward_pass(batch.images, *adversarial)
        clean, *attacked = views
        pairs = list(combinations(views, 2))
        informed = list(combinations([self._informative(view) for view in views], 2))
        if "information" in self._names:
            self._seen = [(first.detach(), second.detach()) for first, second in informed]

        def cross_entropy(view: ModelOutput) -> Tensor:
            return functional.cross_entropy(view.logits, batch.labels)

        terms: dict[str, Callable[[], Tensor]] = {
            "natural_cross_entropy": lambda: cross_entropy(clean),
            "adversarial_cross_entropy": lambda: _mean([cross_entropy(view) for view in attacked]),
            "symmetric_kl": lambda: _mean([self._divergence(*pair) for pair in pairs]),
            "information": lambda: _mean([self._information(*pair) for pair in informed]),
        }
        return {name: term() for name, term in terms.items() if name in self._names}

    def weights(self, progress: float) -> dict[str, float]:
        """Return 1 - alpha, alpha, lambda and -beta."""
        return {
            "natural_cross_entropy": 1 - self._alpha,
            "adversarial_cross_entropy": self._alpha,
            "symmetric_kl": self._lam(progress),
            "information": -self._beta,
        }

    def scheduled(self, progress: float) -> dict[str, float]:
        """Return lambda."""
        return {"lambda": self._lam(progress)}

    def after_step(self) -> None:
        """Let the estimator learn from the pairs of views of the last step."""
        for first, second in self._seen:
            self._information.update(first, second)

    def diagnostics(self) -> Mapping[str, Tensor]:
        """Return the diagnostics of the estimator."""
        return self._information.diagnostics()

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the estimator."""
        return self._information.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load `state` into the estimator."""
        self._information.load_state_dict(state)

    def _divergence(self, clean: ModelOutput, attacked: ModelOutput) -> Tensor:
        if self._on_output:
            return symmetric_kl_of_logits(clean.logits, attacked.logits)
        first, second = clean.latent, attacked.latent
        if not isinstance(first, Gaussian) or not isinstance(second, Gaussian):
            raise TypeError("Without a bottleneck there is no p(z|x) for the symmetric KL; set regularise: output.")
        return symmetric_kl(first, second)

    def _informative(self, view: ModelOutput) -> Tensor:
        """Return the variable of the information term for the whole batch: an estimate depends on all its rows."""
        return self._group.gather(view.logits.softmax(dim=1) if self._on_output else view.z)


def _conflicts(values: Mapping[str, Any]) -> Problems:
    problems = []
    terms, alpha = values["terms"], values["alpha"]
    if values["ramp_start"] >= values["ramp_end"]:
        rule = f"below ramp_end = {values['ramp_end']}"
        problems.append(("ramp_start", f"the value is {values['ramp_start']}, but must be {rule}"))
    shares = {"natural_cross_entropy": 1 - alpha, "adversarial_cross_entropy": alpha}
    if not any(weight > 0 and term in terms for term, weight in shares.items()):
        rule = "no cross-entropy has a weight above 0: the classifier would learn nothing"
        problems.append(("terms", f"with alpha = {alpha} and terms = {list(terms)} {rule}"))
    elif set(terms) == {"natural_cross_entropy"}:
        problems.append(("terms", "no term sees adversarial images; that is objective: natural"))
    on_latent = values["regularise"] == "latent" and {"symmetric_kl", "information"} & {*terms}
    if values["bottleneck"] == 0 and on_latent:
        way_out = "set bottleneck >= 1, or regularise: output"
        problems.append(("regularise", f"the value is latent, but without a bottleneck there is no p(z|x); {way_out}"))
    return problems


_PAPER = "Yu et al. 2023"


@OBJECTIVES.register(
    "shared_information",
    conflicts=_conflicts,
    alpha=sourced(share(0.5), f"{_PAPER}, Table 3"),
    beta=sourced(not_negative(1e-3), f"{_PAPER}, Table 3"),
    # Lambda is ramped exponentially from lam_start to lam, between these fractions of the budget.
    lam=sourced(positive(4.0), f"{_PAPER}, Table 3: CIFAR-10 and MNIST"),
    lam_start=sourced(positive(1e-3), f"{_PAPER}, section 4.1"),
    ramp_start=sourced(share(10 / 120), f"{_PAPER}, section 4.1: epoch 10 of 120"),
    ramp_end=sourced(share_above_zero(100 / 120), f"{_PAPER}, section 4.1: epoch 100 of 120"),
    # Its terms, and whether symmetric KL and information act on p(z|x) or on p(y|x).
    terms=sourced(choices_of(TERMS), f"{_PAPER}, eq. 16; Table 10 leaves some out"),
    regularise=sourced(choice("latent", ("latent", "output")), f"{_PAPER}, Table 14"),
    # The estimator of the information, and the views that share it: the clean image, 0, and adversarial ones by their
    # strength, in epsilons.
    information_estimator=sourced(named("hsic", ESTIMATORS), f"{_PAPER}, Table 13"),
    views=sourced(strengths((0.0, 1.0)), f"{_PAPER}, eq. 16: two views; section 5 proposes more"),
)
def _shared_information(
    values: Mapping[str, Any], model: Classifier, generator: torch.Generator, group: Group, **_knobs: Any
) -> SharedInformation:
    on_output = values["regularise"] == "output"
    dimensions = model.head.out_features if on_output else model.head.in_features
    estimator = ESTIMATORS[values["information_estimator"]]
    return SharedInformation(
        names=values["terms"],
        alpha=values["alpha"],
        beta=values["beta"],
        lam=LambdaRamp(values["lam_start"], values["lam"], values["ramp_start"], values["ramp_end"]),
        on_output=on_output,
        information=estimator.build(values, dimensions=dimensions, generator=generator),
        strengths=values["views"][1:],
        group=group,
    )


def _mean(values: Sequence[Tensor]) -> Tensor:
    first, *rest = values
    for value in rest:
        first = first + value
    return first / len(values) if rest else first
