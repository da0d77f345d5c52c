"""The order of trials before and after a stronger attack, against brute force and closed forms."""

from hypothesis import given
from hypothesis import strategies as st
from simulated_search import MakeLedger, small_space

from tuner.report.analysis.front_data import front_data
from tuner.rerank.order import Attacked, Model, agreement, best_models, reranked
from tuner.search import Search

SHARE = st.integers(0, 10).map(lambda tenths: tenths / 10)
TRIALS = st.lists(st.tuples(SHARE, SHARE, st.integers(0, 10)), max_size=8).map(
    lambda rows: [Attacked(number, pgd, natural, robust, 10) for number, (pgd, natural, robust) in enumerate(rows)]
)


@given(TRIALS)
def test_places_count_the_trials_that_are_better(found: list[Attacked]) -> None:
    rows = reranked(found)
    assert sorted(row.attacked.trial for row in rows) == [one.trial for one in found]
    assert [row.place_after for row in rows] == sorted(row.place_after for row in rows)
    for row in rows:
        one = row.attacked
        assert row.place_before == 1 + len([other for other in found if other.pgd_accuracy > one.pgd_accuracy])
        assert row.place_after == 1 + len([other for other in found if other.robust > one.robust])
        better = [
            other
            for other in found
            if other.natural_accuracy >= one.natural_accuracy and other.robust >= one.robust
            if (other.natural_accuracy, other.robust) != (one.natural_accuracy, one.robust)
        ]
        assert row.on_front is not bool(better)


@given(TRIALS)
def test_the_agreement_is_that_of_the_pairs(found: list[Attacked]) -> None:
    """Kendall's tau-b: of the pairs that are ordered the same, less those ordered the other way."""
    rows = reranked(found)
    tau = agreement(rows)
    pairs = [(a, b) for a in found for b in found if a.trial < b.trial]
    before = [(a.pgd_accuracy > b.pgd_accuracy) - (a.pgd_accuracy < b.pgd_accuracy) for a, b in pairs]
    after = [(a.robust > b.robust) - (a.robust < b.robust) for a, b in pairs]
    scale = (sum(map(abs, before)) * sum(map(abs, after))) ** 0.5
    if not scale:
        assert tau is None
        return
    assert tau is not None
    assert abs(tau - sum(x * y for x, y in zip(before, after, strict=True)) / scale) < 1e-9


def test_the_best_models_come_by_pareto_rank_then_by_pgd(make_ledger: MakeLedger) -> None:
    space = small_space(early_stopping={"scheduler": "none"}, trial={"epochs": 1})
    ledger = make_ledger(space)
    search = Search(space, ledger)
    for natural, pgd in [(0.9, 0.1), (0.5, 0.5), (0.6, 0.5), (0.4, 0.4)]:
        assignment = search.next_assignment()
        assert assignment is not None
        metrics = {"natural_accuracy": natural, "pgd_accuracy": pgd}
        search.report(assignment.number, 1, metrics, None)
    records = ledger.load()
    data = front_data("s", records, space.objective_list, space.reference, space.trial)
    assert best_models(data, records, 10) == [Model(2), Model(0), Model(1), Model(3)]
    assert best_models(data, records, 1) == [Model(2)]
