"""The figures of the benchmark on made-up measurements, whose correlations and costs are known."""

from typing import Any

import pytest

from benchmarks.early_attack import SETTINGS, costs, ranks
from tuner.space import load_space

PGD = (0.1, 0.4, 0.2, 0.3)


def run(pgd: float, final: float) -> dict[str, Any]:
    """Return a point of which the attack of 2 steps leaves a tenth more; it ranks as that of the end does."""
    strong = {"natural_accuracy": 0.9, "pgd_accuracy": pgd, "seconds": 0.5}
    cheap = {"natural_accuracy": 0.9, "pgd_accuracy": pgd + 0.1, "seconds": 0.1}
    return {
        "seconds_an_epoch": 1.0,
        "early": {"6": {"end": strong, "2": cheap}},
        "final": {"natural_accuracy": pgd, "pgd_accuracy": final},
    }


@pytest.mark.parametrize(("finals", "expected"), [(PGD, 1.0), ([-pgd for pgd in PGD], -1.0)])
def test_an_attack_that_leaves_more_of_every_model_ranks_as_well(finals: list[float], expected: float) -> None:
    found = ranks([run(*both) for both in zip(PGD, finals, strict=True)])["6"]
    assert found["2"]["pgd_accuracy"]["spearman"] == found["end"]["pgd_accuracy"]["spearman"] == expected
    assert found["2"]["with_the_end_attack"] == 1.0
    assert found["2"]["points_above"] == pytest.approx(10.0)
    assert found["end"]["points_above"] == 0.0


def test_what_is_saved_is_counted_by_the_evaluations_of_the_space() -> None:
    setting = SETTINGS["digits"]
    space = load_space(setting.space, [], setting.changes)
    found = costs([run(0.1, 0.1)], space)
    # After epochs 4, 6, 8, 12 and 16, and at the end of 20.
    assert found["trained_to_the_end"]["early_evaluations"] == 5
    assert found["trained_to_the_end"]["share_of_evaluations"] == pytest.approx(3 / 23, abs=1e-4)
    assert found["trained_to_the_end"]["saved"] == {"2": pytest.approx(5 * 0.4 / 23, abs=1e-4)}
    assert found["stopped_at_epoch_6"]["saved"] == {"2": pytest.approx(2 * 0.4 / 7, abs=1e-4)}
    assert found["evaluated_after_every_epoch"]["saved"] == {"2": pytest.approx(19 * 0.4 / 30, abs=1e-4)}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_attacks_are_compared_before_the_end_of_valid_spaces(name: str) -> None:
    setting = SETTINGS[name]
    space = load_space(setting.space, [], setting.changes)
    assert max(setting.epochs) < space.epochs
    assert space.rung_epochs[0] in setting.epochs
