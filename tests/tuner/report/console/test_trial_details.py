"""The table of one trial: what it measured at its rungs and at its end, and with which attack."""

from collections.abc import Mapping

from fake_search import OBJECTIVES

from training.config import ATTACK_STEPS
from tuner.ledger import Decision, Outcome, Report, TrialRecord
from tuner.report.console.trial_details import decisions_table


def trial_of(metrics: Mapping[int, Mapping[str, float]], last: int = 9) -> TrialRecord:
    """Return a completed trial with these metrics by epoch; all but the last epoch are rungs."""
    reports = tuple(
        Report(
            epoch,
            dict(measured),
            rung=epoch < last,
            decision=Decision.CONTINUE if epoch < last else Decision.COMPLETE,
            checkpoint=None,
            time=float(epoch),
        )
        for epoch, measured in metrics.items()
    )
    return TrialRecord(0, {}, Outcome.COMPLETED, 0.0, 9.0, reports)


def test_a_column_says_where_the_attack_changes() -> None:
    early = {"natural_accuracy": 0.8, "pgd_accuracy": 0.6}
    final = {"natural_accuracy": 0.9, "pgd_accuracy": 0.5}
    plain = decisions_table(trial_of({3: early, 9: final}), OBJECTIVES)
    told = decisions_table(trial_of({3: {**early, ATTACK_STEPS: 5}, 9: {**final, ATTACK_STEPS: 20}}), OBJECTIVES)
    assert plain.headings == ["Epoch", "Natural %", "PGD %", "Decision"]
    assert told.headings == ["Epoch", "Natural %", "PGD %", "PGD steps", "Decision"]
    assert [row[3] for row in told.rows] == ["5", "20"]
    assert [[*row[:3], row[-1]] for row in told.rows] == plain.rows
