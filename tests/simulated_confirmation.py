"""A small confirmation: two points with two seeds each, of which one training failed."""

from simulated_search import small_space

from tuner.ledger import Outcome, TrialRecord
from tuner.ledger.records import Decision, Report
from tuner.space import Space, space_from_mapping

SEARCH_ID = "small-1-0a1b2c3d"
POINTS = [{"alpha": 0.5, "lambda": 4.0, "bottleneck": 8}, {"alpha": 0.25, "lambda": 1.0, "bottleneck": 16}]


def confirmation() -> Space:
    mapping = small_space().model_dump(mode="json")
    mapping["search"] = {"sampler": "grid", "points": POINTS, "seeds": 2}
    mapping["early_stopping"] = {"scheduler": "none"}
    mapping["confirm"] = {"search": "small-1", "search_id": SEARCH_ID, "trials": [7, 3], "suite": "quick"}
    return space_from_mapping(mapping, "confirmation")


def run(
    number: int, natural: float, pgd: float, *, outcome: Outcome = Outcome.COMPLETED, signs: int = 0
) -> TrialRecord:
    metrics = {"natural_accuracy": natural, "pgd_accuracy": pgd, "loss/total": 0.1, "test_warnings": float(signs)}
    metrics |= {"test/Natural": natural, "test/PGD-20": pgd, "test/Worst over attacks": pgd - 0.1}
    report = Report(9, metrics, rung=False, decision=Decision.COMPLETE, checkpoint=None, time=0.0)
    return TrialRecord(number, POINTS[number % 2], outcome, started=0.0, ended=1.0, reports=(report,))


TRIALS = [run(0, 0.9, 0.5), run(1, 0.8, 0.6), run(2, 0.8, 0.4, signs=1), run(3, 0.0, 0.0, outcome=Outcome.FAILED)]
