"""Which checkpoints of a trial stay after its end."""

import pytest
from raises_about import raises_about
from simulated_search import small_space

from tuner.errors import UsageError
from tuner.ledger.records import Decision, Outcome, Report, TrialRecord
from tuner.report.analysis.kept_checkpoints import checkpoint_of_epoch, kept_checkpoints

FINAL, EPOCHS = small_space(), small_space(search={"candidates": "every_evaluation"})
VALUES = ((0.9, 0.1), (0.5, 0.5), (0.4, 0.4))
TRIAL = TrialRecord(
    7,
    {},
    Outcome.STOPPED,
    started=0.0,
    reports=tuple(
        Report(epoch, {"natural_accuracy": n, "pgd_accuracy": p}, False, Decision.CONTINUE, f"epoch-{epoch}", 0.0)
        for epoch, (n, p) in enumerate(VALUES, start=1)
    ),
)


def test_it_is_the_last_one_and_those_of_epochs_that_may_be_points() -> None:
    assert kept_checkpoints(TRIAL, FINAL) == {"epoch-3"}
    assert kept_checkpoints(TRIAL, EPOCHS) == {"epoch-1", "epoch-2", "epoch-3"}
    nothing = TrialRecord(8, {}, Outcome.FAILED, started=0.0)
    assert kept_checkpoints(nothing, EPOCHS) == set()


def test_an_epoch_that_was_kept_has_its_checkpoint() -> None:
    assert [checkpoint_of_epoch(TRIAL, epoch, EPOCHS) for epoch in (1, 3)] == ["epoch-1", "epoch-3"]
    assert checkpoint_of_epoch(TRIAL, 3, FINAL) == "epoch-3"


@pytest.mark.parametrize(("epoch", "space", "facts"), [(1, FINAL, ": 3."), (4, EPOCHS, "3 epochs")])
def test_any_other_epoch_is_refused_with_those_that_there_are(epoch: int, space: object, facts: str) -> None:
    with raises_about(UsageError, epoch) as refused:
        checkpoint_of_epoch(TRIAL, epoch, space)  # type: ignore[arg-type]
    assert facts in str(refused.value)
