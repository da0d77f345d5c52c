import pytest
import torch
from fixed_outputs import BATCH, LABELS, IdleAttack, draw_output, fixed_forward_pass
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from training.losses import ModelOutput, weighted_total
from training.losses.information import Hsic
from training.losses.information.hsic import hsic
from training.losses.shared_information import TERMS, SharedInformation
from training.losses.symmetric_kl import symmetric_kl
from training.models import Gaussian, Point


def make_objective(
    *,
    names: tuple[str, ...] = TERMS,
    alpha: float = 0.5,
    beta: float = 0.1,
    lam: float = 2.0,
    on_output: bool = False,
    strengths: tuple[float, ...] = (1.0,),
) -> SharedInformation:
    return SharedInformation(
        names=names,
        alpha=alpha,
        beta=beta,
        lam=lambda _: lam,
        on_output=on_output,
        information=Hsic(hsic_neighbours=4),
        strengths=strengths,
    )


def losses_of(objective: SharedInformation, *views: ModelOutput) -> dict[str, Tensor]:
    terms = objective.terms(BATCH, IdleAttack(), fixed_forward_pass(*views))
    return {**terms, "total": weighted_total(terms, objective.weights(0.5))}


def test_total_is_the_weighted_sum_with_the_information_subtracted() -> None:
    natural, adversarial = draw_output(0), draw_output(1)
    losses = losses_of(make_objective(alpha=0.3), natural, adversarial)
    assert list(losses) == [*TERMS, "total"]
    assert losses["natural_cross_entropy"] == functional.cross_entropy(natural.logits, LABELS)
    assert losses["adversarial_cross_entropy"] == functional.cross_entropy(adversarial.logits, LABELS)
    assert losses["symmetric_kl"] == symmetric_kl(gaussian(natural), gaussian(adversarial))
    assert losses["information"] == hsic(natural.z, adversarial.z, neighbours=4)
    expected = (
        0.3 * losses["adversarial_cross_entropy"]
        + 0.7 * losses["natural_cross_entropy"]
        + 2 * losses["symmetric_kl"]
        - 0.1 * losses["information"]
    )
    assert losses["total"].item() == pytest.approx(expected.item(), rel=1e-12)


def gaussian(view: ModelOutput) -> Gaussian:
    assert isinstance(view.latent, Gaussian)
    return view.latent


@given(st.sets(st.sampled_from(TERMS), min_size=1))
def test_a_term_that_is_switched_off_leaves_the_others_as_they_were(names: set[str]) -> None:
    views = draw_output(0), draw_output(1)
    all_on = losses_of(make_objective(), *views)
    losses = losses_of(make_objective(names=tuple(names)), *views)
    assert list(losses) == [*(name for name in TERMS if name in names), "total"]
    assert all(losses[name] == all_on[name] for name in names)
    weights = make_objective().weights(0.5)
    assert losses["total"].item() == pytest.approx(sum(weights[name] * all_on[name].item() for name in names))


@pytest.mark.parametrize(("alpha", "silent", "heard"), [(0.0, 1, 0), (1.0, 0, 1)])
def test_the_ends_of_alpha_remove_one_cross_entropy_exactly(alpha: float, silent: int, heard: int) -> None:
    views = draw_output(0), draw_output(1)
    losses = losses_of(make_objective(alpha=alpha), *views)
    gradients = torch.autograd.grad(losses["total"], [view.logits for view in views])
    assert not gradients[silent].any()
    (alone,) = torch.autograd.grad(functional.cross_entropy(views[heard].logits, LABELS), views[heard].logits)
    assert torch.equal(gradients[heard], alone)


def test_on_the_output_both_terms_see_the_softmax_alone() -> None:
    natural, adversarial = draw_output(0), draw_output(1)
    p, q = natural.logits.softmax(dim=1), adversarial.logits.softmax(dim=1)
    points = [view._replace(latent=Point(view.z)) for view in (natural, adversarial)]
    losses = losses_of(make_objective(on_output=True), *points)
    both_ways = (p * (p / q).log()).sum(dim=1) + (q * (q / p).log()).sum(dim=1)
    assert losses["symmetric_kl"].item() == pytest.approx(both_ways.mean().item() / 2, rel=1e-12)
    assert losses["information"].item() == pytest.approx(hsic(p, q, neighbours=4).item(), rel=1e-12)
    with pytest.raises(TypeError, match="regularise"):
        losses_of(make_objective(), *points)


def test_more_views_are_attacked_by_their_strengths_and_compared_in_all_pairs() -> None:
    views = [draw_output(seed) for seed in range(3)]
    seen: list[Tensor] = []

    def forward_pass(*batches: Tensor) -> list[ModelOutput]:
        seen.extend(batches)
        return views

    objective = make_objective(strengths=(0.25, 1.0))
    terms = objective.terms(BATCH, IdleAttack(), forward_pass)
    assert [batch.mean().item() for batch in seen] == [0.0, 0.25, 1.0]
    cross_entropies = [functional.cross_entropy(view.logits, LABELS).item() for view in views]
    assert terms["natural_cross_entropy"].item() == cross_entropies[0]
    assert terms["adversarial_cross_entropy"].item() == pytest.approx(sum(cross_entropies[1:]) / 2, rel=1e-12)
    pairs = [(0, 1), (0, 2), (1, 2)]
    divergences = [symmetric_kl(gaussian(views[i]), gaussian(views[j])).item() for i, j in pairs]
    assert terms["symmetric_kl"].item() == pytest.approx(sum(divergences) / 3, rel=1e-12)
    dependences = [hsic(views[i].z, views[j].z, neighbours=4).item() for i, j in pairs]
    assert terms["information"].item() == pytest.approx(sum(dependences) / 3, rel=1e-12)


def test_the_estimator_learns_from_what_it_measured_and_only_then() -> None:
    views = draw_output(0), draw_output(1)
    taught: list[tuple[Tensor, Tensor]] = []

    class Listening(Hsic):
        def update(self, first: Tensor, second: Tensor) -> None:
            taught.append((first, second))

    for names, lessons in ((TERMS, 1), (TERMS[:3], 0)):
        taught.clear()
        objective = SharedInformation(
            names=names,
            alpha=0.5,
            beta=0.1,
            lam=lambda _: 2.0,
            on_output=False,
            information=Listening(hsic_neighbours=4),
        )
        losses_of(objective, *views)
        assert not taught
        objective.after_step()
        assert len(taught) == lessons
        for first, second in taught:
            assert torch.equal(first, views[0].z)
            assert torch.equal(second, views[1].z)
            assert not first.requires_grad
            assert not second.requires_grad
