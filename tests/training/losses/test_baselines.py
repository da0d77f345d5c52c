"""TRADES and MART against their official functions, written out term by term; the two plain baselines."""

import math

import pytest
import torch
from fixed_outputs import BATCH, LABELS, IdleAttack, draw_output, fixed_forward_pass
from torch import Tensor
from torch.nn import functional

from training.config import parse_trial
from training.losses import ModelOutput, Objective, build_objective, weighted_total
from training.losses.mart import Mart
from training.losses.mma_simplified import MmaSimplified
from training.losses.standard import Standard
from training.losses.trades import Trades
from training.models import build_model
from training.registry import OBJECTIVES

# Flat logits, and some so sharp that the constants count.
SPREADS = [0.5, 12.0]


def total_of(objective: Objective, natural: ModelOutput, adversarial: ModelOutput) -> Tensor:
    terms = objective.terms(BATCH, IdleAttack(), fixed_forward_pass(natural, adversarial))
    return weighted_total(terms, objective.weights(0.5))


def official_trades(clean: Tensor, attacked: Tensor, beta: float) -> Tensor:
    """`trades_loss` of yaodongyu/TRADES, after its attack."""
    natural = functional.cross_entropy(clean, LABELS)
    divergence = torch.nn.KLDivLoss(reduction="sum")
    robust = divergence(functional.log_softmax(attacked, dim=1), functional.softmax(clean, dim=1)) / len(LABELS)
    total: Tensor = natural + beta * robust
    return total


def official_mart(clean: Tensor, attacked: Tensor, beta: float) -> Tensor:
    """`mart_loss` of YisenWang/MART, after its attack."""
    probabilities = functional.softmax(attacked, dim=1)
    best_two = torch.argsort(probabilities, dim=1)[:, -2:]
    wrong = torch.where(best_two[:, -1] == LABELS, best_two[:, -2], best_two[:, -1])
    adversarial = functional.cross_entropy(attacked, LABELS)
    adversarial = adversarial + functional.nll_loss(torch.log(1.0001 - probabilities + 1e-12), wrong)
    natural = functional.softmax(clean, dim=1)
    true = torch.gather(natural, 1, LABELS[:, None]).squeeze()
    divergences = torch.nn.KLDivLoss(reduction="none")(torch.log(probabilities + 1e-12), natural).sum(dim=1)
    total: Tensor = adversarial + beta * (divergences * (1.0000001 - true)).sum() / len(LABELS)
    return total


def plain_softmax(rows: list[list[float]]) -> list[list[float]]:
    return [[math.exp(value) / sum(map(math.exp, row)) for value in row] for row in rows]


def trades_in_sums(clean: list[list[float]], attacked: list[list[float]], beta: float) -> float:
    """Zhang et al. 2019, eq. 5, without a tensor."""
    p, q = plain_softmax(clean), plain_softmax(attacked)
    natural = -sum(math.log(row[label]) for row, label in zip(p, LABELS.tolist(), strict=True))
    robust = sum(
        a * (math.log(a) - math.log(b))
        for row, other in zip(p, q, strict=True)
        for a, b in zip(row, other, strict=True)
    )
    return (natural + beta * robust) / len(p)


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize(("objective", "official"), [(Trades(lam=5), official_trades), (Mart(lam=5), official_mart)])
def test_loss_and_gradients_are_the_official_ones(objective: Objective, official: object, spread: float) -> None:
    natural, adversarial = draw_output(0, spread=spread), draw_output(1, spread=spread)
    logits = [natural.logits, adversarial.logits]
    found, expected = total_of(objective, natural, adversarial), official(*logits, 5.0)  # type: ignore[operator]
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)
    for mine, theirs in zip(torch.autograd.grad(found, logits), torch.autograd.grad(expected, logits), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-13)


def test_trades_is_the_papers_sum() -> None:
    natural, adversarial = draw_output(0), draw_output(1)
    expected = trades_in_sums(natural.logits.tolist(), adversarial.logits.tolist(), 6.0)
    assert total_of(Trades(lam=6.0), natural, adversarial).item() == pytest.approx(expected, rel=1e-12)


def test_the_constants_of_mart_count() -> None:
    # Certain and right, clean and attacked: log(1.0001 - 1e-44 + ...) and the weight 1.0000001 - 1 remain.
    certain = torch.full((12, 3), -50.0, dtype=torch.float64).scatter(1, LABELS[:, None], 50.0)
    flat = torch.zeros(12, 3, dtype=torch.float64)
    view = draw_output(0)
    forward_pass = fixed_forward_pass(view._replace(logits=certain), view._replace(logits=flat))
    terms = Mart(lam=1).terms(BATCH, IdleAttack(), forward_pass)
    third = torch.tensor(1 / 3, dtype=torch.float64)
    expected = -third.log() - (1.0001 - third + 1e-12).log()
    assert terms["boosted_cross_entropy"].item() == pytest.approx(expected.item(), rel=1e-12)
    assert terms["weighted_divergence"].item() == pytest.approx(-1e-7 * (third + 1e-12).log().item(), rel=1e-6)


def test_standard_looks_at_adversarial_images_only() -> None:
    view = draw_output(0)
    seen: list[Tensor] = []

    def forward_pass(*batches: Tensor) -> list[ModelOutput]:
        seen.extend(batches)
        return [view]

    terms = Standard().terms(BATCH, IdleAttack(), forward_pass)
    assert len(seen) == 1
    assert torch.equal(seen[0], BATCH.images + 1)
    total = weighted_total(terms, Standard().weights(0.5))
    assert total == functional.cross_entropy(view.logits, LABELS)


def test_mma_simplified_takes_the_clean_loss_where_the_clean_image_is_wrong() -> None:
    natural, adversarial = draw_output(0), draw_output(1)
    expected, correct = 0.0, 0
    for clean, attacked, label in zip(natural.logits, adversarial.logits, LABELS, strict=True):
        right = bool(clean.argmax() == label)
        correct += right
        expected += functional.cross_entropy(attacked if right else clean, label).item()
    assert 0 < correct < 12
    assert total_of(MmaSimplified(), natural, adversarial).item() == pytest.approx(expected / 12, rel=1e-12)


@pytest.mark.parametrize("name", list(OBJECTIVES))
def test_every_name_of_the_configuration_has_an_objective(name: str) -> None:
    config = parse_trial({"objective": name, "architecture": "digits_cnn", "bottleneck": 4})
    objective = build_objective(config, build_model(config, 10, (1, 8, 8)), 100, torch.Generator())
    early, late = objective.weights(0.0), objective.weights(1.0)
    assert (early != late) == (name == "shared_information"), "the only one with a schedule"
    assert objective.scheduled(1.0) == ({"lambda": 4.0} if "lam" in OBJECTIVES[name].knobs else {})


def test_the_attack_of_trades_maximises_the_divergence_from_the_clean_softmax() -> None:
    natural, adversarial = draw_output(0), draw_output(1)
    attack = IdleAttack(natural.logits)
    Trades(lam=1.0).terms(BATCH, attack, fixed_forward_pass(natural, adversarial))
    p, q = natural.logits.softmax(dim=1), adversarial.logits.softmax(dim=1)
    (loss,) = attack.losses
    assert loss(adversarial.logits).item() == pytest.approx((p * (p / q).log()).sum().item(), rel=1e-12)


@pytest.mark.parametrize("objective", [Standard(), Mart(lam=1.0), MmaSimplified()])
def test_the_attacks_of_the_others_maximise_the_cross_entropy(objective: Objective) -> None:
    views = [draw_output(0), draw_output(1)][-1 if isinstance(objective, Standard) else 0 :]
    attack = IdleAttack()
    objective.terms(BATCH, attack, fixed_forward_pass(*views))
    (loss,) = attack.losses
    logits = draw_output(2).logits
    assert loss(logits).item() == pytest.approx(12 * functional.cross_entropy(logits, LABELS).item(), rel=1e-12)
