"""Warning signs: patterns in the figures that do not occur if strong attacks work on a sound model.

Croce and Hein 2020 (arXiv:2003.01690), Carlini et al. 2019 (arXiv:1902.06705), Athalye et al. 2018
(arXiv:1802.00420). A sign says that a figure cannot be trusted; it does not say what the true figure is.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

from training.attacks.adversary import ROUNDING
from training.evaluation.honest_model import LEAST_AGREEMENT
from training.evaluation.latent import LatentMode
from training.evaluation.result import AttackResult, WarningSign, union
from training.evaluation.signs_of_draws import signs_of_draws
from training.norms import LINF

# The share of images by which Square may lower the worst case (AutoAttack's own check), and by which a stronger attack
# may leave more images robust than a weaker one.
SLACK = 0.002
# How rarely so many of a sample of images may be beyond the share above by chance.
_CHANCE = 0.05
# PGD leaves 2 to 5 points more than AutoAttack on most of RobustBench's models (Croce et al. 2021, arXiv:2010.09670).
_USUAL_GAP = 0.08
_STRONGER = ("pgd", "apgd", "fab", "square", "latent", "cascade")
_WHITE_BOX = ("fgsm", "pgd", "apgd", "fab", "latent", "cascade")


def warning_signs(
    natural: Sequence[bool],
    attacks: Sequence[AttackResult],
    mode: LatentMode,
    *,
    zero_gradients: int,
    probabilities: bool = False,
    not_finite: Mapping[str, int] | None = None,
    norm: str = LINF,
    agreement: float = 1.0,
) -> tuple[WarningSign, ...]:
    """Return every sign that the figures show, the most important first.

    They compare the attacks in `norm`, that of the evaluation. `natural` says for each image whether it is correct when
    clean. `zero_gradients` is the number of correct images
    with a gradient of 0, or one that is not finite. `probabilities` says whether the outputs look like probabilities.
    `not_finite` counts the predictions that are not finite, by attack. `agreement` is that of gradients and finite
    differences, from -1 to 1.
    """
    whole = [attack for attack in attacks if not attack.curve and attack.norm == norm]
    return (
        *_not_finite(not_finite or {}),
        *signs_of_draws(mode, whole),
        *_autoattack_above_pgd(whole),
        *_pgd_flatters(whole),
        *_square_lowers(natural, whole),
        *_latent_lowers(natural, whole),
        *_black_box_stronger(whole),
        *_more_steps_weaker(whole),
        *_noise_as_strong(natural, whole),
        *_curve(natural, [attack for attack in attacks if attack.curve]),
        *_false_gradients(agreement),
        *_zero_gradients(zero_gradients, sum(natural)),
        *_probabilities(outputs_are_probabilities=probabilities),
    )


def _not_finite(counts: Mapping[str, int]) -> Iterator[WarningSign]:
    if counts:
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        yield WarningSign(
            "logits_not_finite",
            f"Some logits are NaN or infinite (images: {listed}). These predictions count as wrong. Attacks get no"
            " gradient there, so the true accuracy can be lower.",
        )


def _autoattack_above_pgd(attacks: Sequence[AttackResult]) -> Iterator[WarningSign]:
    for strong in attacks:
        if strong.family != "cascade":
            continue
        weaker = [a for a in _of(attacks, ("pgd",), strong.epsilon) if _clearly_above(strong, a)]
        if weaker:
            lowest = min(weaker, key=lambda attack: attack.accuracy)
            yield WarningSign(
                "autoattack_above_pgd",
                f"{strong.name} leaves {_percent(strong)}, more than {lowest.name} with {_percent(lowest)}: sampled"
                " latents, too few steps or masked gradients fooled AutoAttack, and its figure is not valid.",
            )


def _pgd_flatters(attacks: Sequence[AttackResult]) -> Iterator[WarningSign]:
    """Look for an attack with another loss, or without gradients, that breaks many more images than PGD does."""
    for epsilon in sorted({attack.epsilon for attack in attacks if _follows_cross_entropy(attack)}):
        runs = [attack for attack in _of(attacks, ("pgd",), epsilon) if _follows_cross_entropy(attack)]
        others = [a for a in _of(attacks, _STRONGER, epsilon) if not _follows_cross_entropy(a)]
        if not runs or not others:
            continue
        pgd, lowest = (min(each, key=lambda attack: attack.accuracy) for each in (runs, others))
        if pgd.accuracy - lowest.accuracy > _USUAL_GAP:
            yield WarningSign(
                "pgd_flatters",
                f"{pgd.name} leaves {_percent(pgd)}, {100 * (pgd.accuracy - lowest.accuracy):.1f} points more than"
                f" {lowest.name} with {_percent(lowest)}: its cross-entropy does not find the images that can be"
                f" broken. Report no figure of PGD for this model{_stronger_suite(attacks)}.",
            )


def _stronger_suite(attacks: Sequence[AttackResult]) -> str:
    """Return the advice to run AutoAttack, unless it ran."""
    return "" if any(attack.family == "cascade" for attack in attacks) else ", and run the suite standard"


def _follows_cross_entropy(attack: AttackResult) -> bool:
    return attack.family == "pgd" and attack.parameters.get("loss") == "ce"


def _square_lowers(natural: Sequence[bool], attacks: Sequence[AttackResult]) -> Iterator[WarningSign]:
    for square in attacks:
        if square.family != "square":
            continue
        # A whole cascade contains Square, so the worst case without Square uses its other members.
        inside = [a for a in attacks if a.epsilon <= square.epsilon or math.isinf(a.epsilon)]
        others = [a for a in inside if a.family not in ("square", "cascade", "transfer")]
        without = sum(union(natural, others, square.epsilon, square.norm))
        gain = without - sum(union(natural, [*others, square], square.epsilon, square.norm))
        if others and _beyond_chance(gain, len(natural)):
            yield WarningSign(
                "square_lowers_the_union",
                f"{square.name}, which uses no gradient, lowers the worst case by {100 * gain / len(natural):.1f}"
                f" points ({gain} of {len(natural)} images), from {100 * without / len(natural):.1f} %: a sign of"
                " masked gradients. The true accuracy is still lower.",
            )


def _latent_lowers(natural: Sequence[bool], attacks: Sequence[AttackResult]) -> Iterator[WarningSign]:
    """Look for an attack on the latent that breaks images which AutoAttack leaves."""
    for latent in (attack for attack in attacks if attack.family == "latent"):
        for cascade in _of(attacks, ("cascade",), latent.epsilon):
            without = sum(union(natural, [cascade], latent.epsilon, latent.norm))
            gain = without - sum(union(natural, [cascade, latent], latent.epsilon, latent.norm))
            if gain > max(1, SLACK * len(natural)):
                yield WarningSign(
                    "latent_below_autoattack",
                    f"{latent.name}, which attacks the latent, breaks {gain} of the {without} images that"
                    f" {cascade.name} leaves: the bottleneck hides the way to the boundary from attacks on logits. The"
                    " true accuracy can be still lower.",
                )


def _black_box_stronger(attacks: Sequence[AttackResult]) -> Iterator[WarningSign]:
    for transfer in attacks:
        if transfer.family not in ("transfer", "mean_path"):
            continue
        white = _of(attacks, _WHITE_BOX, transfer.epsilon)
        strongest = min(white, key=lambda attack: attack.accuracy, default=transfer)
        if _clearly_above(strongest, transfer):
            yield WarningSign(
                "transfer_stronger",
                f"The {transfer.name} leaves {_percent(transfer)}, less than the strongest white-box attack"
                f" ({strongest.name}, {_percent(strongest)}), although that one attacks the model itself: the gradients"
                " of the model are masked.",
            )


def _more_steps_weaker(attacks: Sequence[AttackResult]) -> Iterator[WarningSign]:
    runs = [attack for attack in attacks if attack.family == "pgd"]
    for short, long in itertools.permutations(runs, 2):
        if _extends(short, long) and _clearly_above(long, short):
            yield WarningSign(
                "more_steps_weaker",
                f"{long.name} leaves {_percent(long)}, more than {short.name} with {_percent(short)}: the loss does"
                " not rise along the gradient, or the step size is much too large.",
            )


def _extends(short: AttackResult, long: AttackResult) -> bool:
    """Return whether `long` is `short` with more steps, and perhaps more restarts."""
    if abs(long.epsilon - short.epsilon) > ROUNDING:
        return False
    free = ("steps", "restarts")
    same = all(long.parameters.get(key) == value for key, value in short.parameters.items() if key not in free)
    return same and long.steps > short.steps and long.parameters["restarts"] >= short.parameters["restarts"]


def _noise_as_strong(natural: Sequence[bool], attacks: Sequence[AttackResult]) -> Iterator[WarningSign]:
    for noise in attacks:
        white = _of(attacks, _WHITE_BOX, noise.epsilon)
        if noise.family == "noise" and white and sum(noise.robust) < sum(natural):
            strongest = min(white, key=lambda attack: attack.accuracy)
            if noise.accuracy <= strongest.accuracy:
                yield WarningSign(
                    "noise_as_strong",
                    f"Random noise leaves {_percent(noise)}, not more than the strongest white-box attack"
                    f" ({strongest.name}, {_percent(strongest)}): the gradients carry no information.",
                )


def _curve(natural: Sequence[bool], points: Sequence[AttackResult]) -> Iterator[WarningSign]:
    ordered = sorted(points, key=lambda attack: attack.epsilon)
    for smaller, larger in itertools.pairwise(ordered):
        if larger.accuracy > smaller.accuracy + 0.01:
            yield WarningSign(
                "not_falling_with_epsilon",
                f"{larger.name} leaves {_percent(larger)} at epsilon {larger.epsilon:.4g}, more than the"
                f" {_percent(smaller)} at {smaller.epsilon:.4g}, although the larger ball contains the smaller one.",
            )
    if ordered and sum(natural) and ordered[-1].accuracy > 0.01:
        last = ordered[-1]
        yield WarningSign(
            "not_zero_at_large_epsilon",
            f"At epsilon {last.epsilon:.4g} {last.name} still leaves {_percent(last)}, but in such a large ball every"
            " image can be broken: the attack does not work on this model, and its other figures are too high.",
        )


def _false_gradients(agreement: float) -> Iterator[WarningSign]:
    if agreement < LEAST_AGREEMENT:
        yield WarningSign(
            "false_gradients",
            f"The gradients of the logits do not predict how the logits change (cosine {agreement:.2f} with finite"
            " differences, 1 is exact): a step without a true gradient, such as rounding, hides the way from every"
            " attack that follows gradients. The true accuracy can be far lower.",
        )


def _zero_gradients(zero: int, right: int) -> Iterator[WarningSign]:
    if zero:
        yield WarningSign(
            "zero_gradients",
            f"{zero} of {right} correctly classified images have a cross-entropy gradient of exactly zero, or one"
            " that is not finite: attacks that follow it do not move. Trust only attacks with another loss (DLR,"
            " margin) and Square.",
        )


def _probabilities(*, outputs_are_probabilities: bool) -> Iterator[WarningSign]:
    if outputs_are_probabilities:
        yield WarningSign(
            "probabilities",
            "The model's outputs are at least 0 and sum to 1: they are probabilities, and a second softmax makes every"
            " gradient small. Evaluate the logits.",
        )


def _beyond_chance(count: int, images: int) -> bool:
    """Return whether `count` of so many images are more than a share of `SLACK` explains, by the binomial tail.

    On the whole population AutoAttack's check compares the shares. Of a sample of less than 500 images a single one is
    already more than the share, and of 100 images one in five samples has it.
    """
    from scipy.stats import binom

    return count > SLACK * images and float(binom.sf(count - 1, images, SLACK)) < _CHANCE


def _clearly_above(higher: AttackResult, lower: AttackResult) -> bool:
    """Return whether more images are robust under `higher`, beyond what random starts may change."""
    return sum(higher.robust) - sum(lower.robust) > max(1, SLACK * len(lower.robust))


def _of(attacks: Sequence[AttackResult], families: Sequence[str], epsilon: float) -> list[AttackResult]:
    """Return the attacks of these families at this radius, without members of cascades, which saw only some images."""
    same = [a for a in attacks if a.family in families and abs(a.epsilon - epsilon) < ROUNDING]
    return [attack for attack in same if attack.part_of is None]


def _percent(attack: AttackResult) -> str:
    return f"{100 * attack.accuracy:.1f} %"
