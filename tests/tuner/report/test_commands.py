"""The commands that are offered for a trial: only those that its search and its files allow."""

import pytest

from tuner.ledger import Outcome
from tuner.report.commands import trial_commands


def verbs(outcome: Outcome, *, has_checkpoint: bool = True, of_confirmation: bool = False) -> list[str]:
    options = {"has_checkpoint": has_checkpoint, "of_confirmation": of_confirmation}
    return [command.split()[1] for command in trial_commands("small-1", 3, outcome, "", **options)]


def test_a_trial_that_completed_has_all_commands() -> None:
    assert verbs(Outcome.COMPLETED) == ["export", "confirm", "register", "show"]
    assert verbs(Outcome.STOPPED) == ["export", "show"]
    assert verbs(Outcome.FAILED) == ["show"]


def test_a_trial_of_a_confirmation_is_not_confirmed_again() -> None:
    assert verbs(Outcome.COMPLETED, of_confirmation=True) == ["export", "register", "show"]
    assert verbs(Outcome.COMPLETED, of_confirmation=True, has_checkpoint=False) == ["show"]


@pytest.mark.parametrize("outcome", list(Outcome))
def test_without_a_checkpoint_no_model_is_offered(outcome: Outcome) -> None:
    assert not {"export", "register"} & set(verbs(outcome, has_checkpoint=False))
