import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.losses.lambda_ramp import LambdaRamp

EPOCHS = 120


def paper_lambda(epoch: float, final: float) -> float:
    return LambdaRamp(1e-3, final, 10 / EPOCHS, 100 / EPOCHS)(epoch / EPOCHS)


@pytest.mark.parametrize(
    ("epoch", "for_4", "for_6"),
    [
        (0, 0.001, 0.001),
        (5, 0.001, 0.001),
        (10, 0.001, 0.001),
        (20, 0.0025, 0.0026),
        (40, 0.0159, 0.0182),
        (55, 0.0633, 0.0775),
        (60, 0.100, 0.126),
        (75, 0.399, 0.535),
        (85, 1.004, 1.408),
        (90, 1.592, 2.282),
        (100, 4, 6),
        (119.9, 4, 6),
        (130, 4, 6),
    ],
)
def test_lambda_follows_the_paper(epoch: float, for_4: float, for_6: float) -> None:
    # The table gives three to four digits.
    assert paper_lambda(epoch, 4) == pytest.approx(for_4, rel=4e-3, abs=5e-5)
    assert paper_lambda(epoch, 6) == pytest.approx(for_6, rel=4e-3, abs=5e-5)


@given(st.floats(0.1, 30), st.floats(0, 1), st.floats(0, 1))
def test_lambda_rises_within_its_two_ends(final: float, one: float, other: float) -> None:
    early, late = (paper_lambda(progress * EPOCHS, final) for progress in sorted([one, other]))
    assert 1e-3 <= early <= late * (1 + 1e-12)
    assert late <= final * (1 + 1e-12)
