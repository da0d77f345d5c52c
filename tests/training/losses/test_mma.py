import pytest
import torch
from fixed_outputs import BATCH, LABELS, IdleAttack, draw_output, fixed_forward_pass
from torch import Tensor
from torch.nn import functional

from training.attacks import soft_logit_margin
from training.losses import ModelOutput
from training.losses.mma import Mma

DISTANCES = torch.linspace(0.25, 0.01, 12)


def make_objective() -> Mma:
    return Mma(training_images=20, max_margin=0.2, smallest_margin=0.05, device=torch.device("cpu"))


def which_are_right(view: ModelOutput) -> Tensor:
    right = soft_logit_margin(view.logits, LABELS) < 0
    assert 0 < right.sum() < 12
    return right


def test_both_terms_are_the_official_ones() -> None:
    clean, moved = draw_output(0), draw_output(1)
    terms = make_objective().terms(BATCH, IdleAttack(clean.logits, DISTANCES), fixed_forward_pass(clean, moved))
    expected, left_alone = 0.0, 0
    for logits, label, is_right, distance in zip(
        moved.logits, LABELS, which_are_right(clean), DISTANCES.tolist(), strict=True
    ):
        if is_right and distance >= 0.2:
            left_alone += 1
        else:
            expected += functional.cross_entropy(logits, label).item()
    assert left_alone > 0
    assert terms["margin"].item() == pytest.approx(expected / 12, rel=1e-12)
    assert terms["natural_cross_entropy"] == functional.cross_entropy(clean.logits, LABELS)
    assert make_objective().weights(5.0) == pytest.approx({"natural_cross_entropy": 1 / 3, "margin": 2 / 3})


def test_only_images_that_are_right_are_moved() -> None:
    clean = draw_output(0)
    seen: list[Tensor] = []

    def forward_pass(*batches: Tensor) -> list[ModelOutput]:
        seen.extend(batches)
        return [clean, draw_output(1)]

    make_objective().terms(BATCH, IdleAttack(clean.logits), forward_pass)
    assert torch.equal(seen[0], BATCH.images)
    assert torch.equal(seen[1].flatten(), which_are_right(clean).float())


def test_an_image_is_attacked_next_time_in_the_radius_of_its_margin() -> None:
    clean, objective = draw_output(0), make_objective()
    attack, forward_pass = IdleAttack(clean.logits, DISTANCES), fixed_forward_pass(clean, draw_output(1))
    objective.terms(BATCH, attack, forward_pass)
    margins = DISTANCES.clamp_max(1.05 * 0.2).where(which_are_right(clean), 0)
    assert objective.diagnostics()["margin"].item() == pytest.approx(margins.mean().item())
    restored = make_objective()
    restored.load_state_dict(objective.state_dict())
    turned = BATCH._replace(indices=BATCH.indices.roll(5))
    for again in (objective, restored):
        again.terms(turned, attack, forward_pass)
    first, second, third = attack.radii
    torch.testing.assert_close(first, torch.full((12,), 0.05))
    torch.testing.assert_close(second, margins.roll(5).clamp_min(0.05))
    assert torch.equal(third, second)
