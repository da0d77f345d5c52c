import torch
from hypothesis import given
from hypothesis import strategies as st

from training.attacks.boundary_distance import boundary_distances

FEW_MARGINS = st.lists(st.floats(1e-3, 0.999), min_size=1, max_size=6)


@given(FEW_MARGINS, st.floats(0.01, 1), st.integers(1, 16))
def test_the_error_is_at_most_half_of_what_the_halvings_leave(
    margins: list[float], guess: float, halvings: int
) -> None:
    exact = torch.tensor(margins)
    found = boundary_distances(
        lambda tried: tried >= exact, torch.full_like(exact, guess), largest=1.0, halvings=halvings
    )
    # The first try is the guess; every further one halves what is left of the interval.
    left = torch.where(exact <= guess, guess, 1 - guess) * 0.5 ** (halvings - 1)
    assert ((found - exact).abs() <= left / 2 + 1e-6).all()


def test_an_image_that_is_never_misclassified_gets_nearly_the_largest_distance() -> None:
    found = boundary_distances(
        lambda tried: torch.zeros_like(tried, dtype=torch.bool), torch.tensor([0.1, 0.4]), largest=0.5, halvings=10
    )
    torch.testing.assert_close(found, torch.tensor([0.5, 0.5]), rtol=2e-3, atol=0)
