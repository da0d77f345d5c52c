"""What the rungs of a search say of the end, as tables and warnings."""

import pytest

from tuner.report.analysis.rung_readings import silent_rungs, what_follows
from tuner.search.forecast.rung_quality import RungQuality


def quality(correlation: float, trials: int = 12) -> RungQuality:
    return RungQuality(14, "pgd_accuracy", trials, 0.9, correlation, 0.8)


@pytest.mark.parametrize(
    ("correlation", "number", "is_silent"),
    [
        (0.1, 12, True),
        (-0.5, 12, True),
        (0.4, 12, False),
        (0.4, 200, True),
        (0.9, 12, False),
        (float("nan"), 12, False),
    ],
)
def test_a_rung_without_a_rank_correlation_is_told_once_it_is_certain(
    correlation: float, number: int, is_silent: bool
) -> None:
    found = silent_rungs([quality(correlation, number)])
    assert (list(found) == [(14, "pgd_accuracy")]) is is_silent
    if is_silent:
        assert all(
            fact in found[14, "pgd_accuracy"] for fact in ("14", "PGD accuracy", f"{correlation:.2f}", str(number))
        )


def test_the_way_out_of_a_silent_rung_is_not_what_the_search_does_already() -> None:
    assert "early_stopping.scheduler" in what_follows("mo_asha")
    assert "early_stopping.scheduler" not in what_follows("forecast")
