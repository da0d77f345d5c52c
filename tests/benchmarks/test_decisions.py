"""The benchmark of decisions times a search that has grown to the wanted number of trials."""

from benchmarks import decisions
from benchmarks.search_quality.searchers import space_of
from benchmarks.search_quality.tasks import trade_off
from tuner.ledger import MemoryLedger, Outcome


def test_a_search_grows_to_its_length_and_ends_its_trials() -> None:
    task, ledger = trade_off(), MemoryLedger()
    decisions.grow(task, space_of(task, {"sampler": "random"}, {}), ledger, 30)
    trials = ledger.load()
    assert len(trials) == 30
    assert {trial.outcome for trial in trials} == {Outcome.COMPLETED, Outcome.STOPPED}


def test_decisions_and_proposals_are_summed_up_by_mean_and_largest() -> None:
    found = decisions.measured(trade_off(), 20, decisions.Case("motpe", "mo_asha", "mo_asha", 3, 2))
    assert found.keys() == {"decision_ms", "proposal_ms"}
    assert all(0 <= summary["mean"] <= summary["largest"] for summary in found.values())
    assert decisions._summary([1.0, 3.0]) == {"mean": 2.0, "largest": 3.0}
