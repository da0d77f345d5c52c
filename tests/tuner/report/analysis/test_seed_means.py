import math

import pytest
from fake_search import search_of, trial

from tuner.ledger.records import Outcome
from tuner.report.analysis.seed_means import has_seeds, mean_marks, seed_means, seed_means_text_table


def test_trials_of_one_point_are_averaged_over_their_seeds() -> None:
    data = search_of(
        [
            trial(0, 0.8, 0.5, parameters={"terms": "a", "seed": 0}),
            trial(1, 0.7, 0.6, parameters={"terms": "b", "seed": 0}),
            trial(2, 0.9, 0.4, parameters={"terms": "a", "seed": 1}),
            trial(3, 0.1, 0.1, parameters={"terms": "a", "seed": 2}, outcome=Outcome.FAILED),
        ]
    )
    assert has_seeds(data)
    first, second = seed_means(data)
    assert (first.parameters, first.trials) == ({"terms": "a"}, (0, 2))
    assert first.means == pytest.approx({"natural_accuracy": 0.85, "pgd_accuracy": 0.45})
    # Of two values the sample deviation is their difference by the root of 2.
    assert first.deviations == pytest.approx({"natural_accuracy": 0.1 / 2**0.5, "pgd_accuracy": 0.1 / 2**0.5})
    assert second.deviations == {"natural_accuracy": None, "pgd_accuracy": None}
    table = seed_means_text_table(data)
    assert table.headings == ["terms", "Natural %", "PGD %", "Seeds"]
    assert table.rows == [
        ["a", "85.00 ± 7.07", "45.00 ± 7.07", "2"],
        ["b", "70.00", "60.00", "1"],
    ]
    assert seed_means(data)[1].trials == (1,)
    mark, single = mean_marks(data)
    assert mark.place == pytest.approx((85, 45))
    assert mark.deviations == pytest.approx((10 / 2**0.5, 10 / 2**0.5))
    assert mark.description[:2] == ("mean of 2 seeds", "Natural accuracy (%): 85.00 ± 7.07")
    assert all(map(math.isnan, single.deviations))
    assert mean_marks(search_of([trial(0, 0.8, 0.5, parameters={"alpha": 0.1})])) == ()


def test_a_search_with_one_seed_has_no_means() -> None:
    assert not has_seeds(search_of([trial(0, 0.8, 0.5, parameters={"alpha": 0.1})]))
