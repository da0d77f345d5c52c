import io
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from training.losses.information import Mine
from training.losses.information.mine import shuffle_without_fixed_points


def make_mine(seed: int, dimensions: int, learning_rate: float = 1e-3) -> tuple[Mine, torch.Generator]:
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Mine(dimensions, generator=generator, learning_rate=learning_rate, averaging_rate=0.25), generator


def correlated(rho: float, count: int, dimensions: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    first, noise = torch.randn(2, count, dimensions, generator=generator)
    return first, rho * first + math.sqrt(1 - rho**2) * noise


def views(seed: int) -> tuple[Tensor, Tensor]:
    return correlated(0.8, 16, 3, torch.Generator().manual_seed(seed))


def plain_terms(mine: Mine, first: Tensor, second: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """E[T(z, z')] and E[exp T(z, z'')] with the shuffle that `mine` is about to draw from `generator`."""
    state = generator.get_state()
    other = second[shuffle_without_fixed_points(len(second), generator)]
    generator.set_state(state)
    joint, marginal = (mine._critic(torch.cat([first, view], dim=1)) for view in (second, other))
    return joint.mean(), marginal.exp().mean()


# 500 updates with 128 fresh pairs each and the default learning rate; the value over twice 20,000 fresh pairs.
@pytest.mark.parametrize(("rho", "expected"), [(0.5, 0.14384), (0.9, 0.83037)])
def test_information_of_correlated_gaussians(rho: float, expected: float) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        generator = torch.Generator().manual_seed(0)
        mine = Mine(1, generator=generator)
    for _ in range(500):
        mine.update(*correlated(rho, 128, 1, generator))
    with torch.no_grad():
        values = [mine(*correlated(rho, 20_000, 1, generator)).item() for _ in range(2)]
    assert expected == pytest.approx(-0.5 * math.log(1 - rho**2), abs=5e-6)
    assert sum(values) / 2 == pytest.approx(expected, rel=0.1)


def test_one_batch_seen_again_and_again_gives_more_than_the_logarithm_of_its_size() -> None:
    mine, _ = make_mine(0, 3)
    first, second = views(1)
    for _ in range(150):
        mine.update(first, second)
    assert mine(first, second).item() > math.log(len(first))


@given(st.integers(2, 40), st.integers(0, 10_000))
def test_the_shuffle_is_a_permutation_without_fixed_points(count: int, seed: int) -> None:
    order = shuffle_without_fixed_points(count, torch.Generator().manual_seed(seed))
    assert sorted(order.tolist()) == list(range(count))
    assert (order != torch.arange(count)).all()
    assert torch.equal(order, shuffle_without_fixed_points(count, torch.Generator().manual_seed(seed)))


def test_the_shuffle_pairs_each_sample_with_every_other_equally_often() -> None:
    generator = torch.Generator().manual_seed(0)
    partners = torch.stack([shuffle_without_fixed_points(4, generator) for _ in range(6_000)])
    for sample in range(4):
        counts = partners[:, sample].bincount(minlength=4).double()
        expected = torch.full((4,), 2_000.0, dtype=torch.float64).index_fill(0, torch.tensor(sample), 0)
        torch.testing.assert_close(counts, expected, rtol=0, atol=150)


def test_a_batch_of_one_is_refused() -> None:
    mine, _ = make_mine(0, 3)
    with pytest.raises(ValueError, match="batch_size"):
        mine(torch.zeros(1, 3), torch.zeros(1, 3))


def test_value_is_the_donsker_varadhan_bound() -> None:
    mine, generator = make_mine(0, 3)
    joint, exponential = plain_terms(mine, *views(1), generator)
    torch.testing.assert_close(mine(*views(1)), joint - exponential.log())


def test_large_scores_do_not_overflow() -> None:
    mine, _ = make_mine(0, 3)
    first, second = (1e5 * view for view in views(1))
    mine.update(first, second)
    first.requires_grad_()
    value = mine(first, second)
    (gradient,) = torch.autograd.grad(value, first)
    assert value.isfinite()
    assert gradient.isfinite().all()


def test_the_gradient_of_the_value_does_not_reach_the_critic() -> None:
    mine, _ = make_mine(0, 3)
    first, second = (view.requires_grad_() for view in views(1))
    torch.autograd.backward(mine(first, second))
    assert all(weight.grad is None for weight in mine._critic.parameters())


def test_an_update_moves_the_critic_and_leaves_the_views_without_gradient() -> None:
    mine, generator = make_mine(0, 3)
    first, second = (view.requires_grad_() for view in views(1))
    before, state = mine(first, second).item(), generator.get_state()
    for _ in range(20):
        generator.set_state(state)
        mine.update(first, second)
    generator.set_state(state)
    assert mine(first, second).item() > before
    assert first.grad is None
    assert second.grad is None


def test_an_update_between_a_value_and_its_backward_pass_is_an_error() -> None:
    mine, _ = make_mine(0, 3)
    first, second = (view.requires_grad_() for view in views(1))
    value = mine(first, second)
    mine.update(first, second)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.backward(value)


def test_the_critics_gradient_has_the_running_mean_in_its_denominator() -> None:
    mine, generator = make_mine(0, 3)
    _, earlier = plain_terms(mine, *views(1), generator)
    mine.update(*views(1))
    joint, exponential = plain_terms(mine, *views(2), generator)
    running = 0.75 * earlier.detach() + 0.25 * exponential.detach()
    expected = torch.autograd.grad(exponential / running - joint, list(mine._critic.parameters()))
    mine.update(*views(2))
    for weight, gradient in zip(mine._critic.parameters(), expected, strict=True):
        torch.testing.assert_close(weight.grad, gradient, rtol=1e-4, atol=1e-6)


def test_weights_of_the_critic_do_not_decay() -> None:
    mine, _ = make_mine(0, 3)
    assert [group["weight_decay"] for group in mine._optimiser.param_groups] == [0]


def test_continues_bit_for_bit_from_its_state() -> None:
    mine, generator = make_mine(0, 3)
    for seed in range(3):
        mine.update(*views(seed))
    file = io.BytesIO()
    torch.save({"mine": mine.state_dict(), "generator": generator.get_state()}, file)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    other, other_generator = make_mine(9, 3)
    other.load_state_dict(state["mine"])
    other_generator.set_state(state["generator"])
    for seed in range(3, 6):
        mine.update(*views(seed))
        other.update(*views(seed))
    assert torch.equal(mine(*views(6)), other(*views(6)))
    for ours, theirs in zip(mine._critic.parameters(), other._critic.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert torch.equal(mine.diagnostics()["critic_bound"], other.diagnostics()["critic_bound"])


def test_a_fresh_state_is_restored_as_fresh() -> None:
    mine, generator = make_mine(0, 3)
    other, other_generator = make_mine(0, 3)
    other.update(*views(0))
    other.load_state_dict(mine.state_dict())
    other_generator.set_state(generator.get_state())
    mine.update(*views(1))
    other.update(*views(1))
    assert torch.equal(mine.diagnostics()["critic_bound"], other.diagnostics()["critic_bound"])


@pytest.mark.parametrize("averaging_rate", [0.0, 1.0])
def test_an_averaging_rate_outside_its_range_is_refused(averaging_rate: float) -> None:
    with pytest.raises(ValueError, match="averaging_rate"):
        Mine(3, generator=torch.Generator(), averaging_rate=averaging_rate)
