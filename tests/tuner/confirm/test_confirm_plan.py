from dataclasses import replace

import pytest
from simulated_search import MakeLedger, checkpoint_of, drive, small_space

from training.config import TrialConfig
from tuner.confirm.plan import Choice, chosen_trials, confirmation_space
from tuner.errors import UsageError
from tuner.ledger import Outcome, TrialRecord
from tuner.report.front_data import FrontData, front_data
from tuner.search import Search
from tuner.space import space_from_mapping
from tuner.space.grid import grid

# Late enough that the front has a knee, early enough that some trials stop.
SPACE = small_space(search={"trials": 24}, early_stopping={"grace_epochs": 3, "reduction_factor": 2})
Finished = tuple[list[TrialRecord], FrontData]


@pytest.fixture
def finished(make_ledger: MakeLedger) -> Finished:
    search = Search(SPACE, make_ledger(SPACE))
    drive(search)
    return search.trials, front_data("small-1", search.trials, SPACE.objective_list, SPACE.reference)


def test_the_front_is_chosen_unless_something_else_is(finished: Finished) -> None:
    trials, data = finished
    front = [point.number for point in data.front]
    assert [trial.number for trial in chosen_trials(trials, data, Choice())] == front
    assert [trial.number for trial in chosen_trials(trials, data, Choice(knee=True))] == [data.knee]
    completed = [trial.number for trial in trials if trial.outcome is Outcome.COMPLETED]
    named = (completed[-1], completed[0], completed[-1])
    assert [trial.number for trial in chosen_trials(trials, data, Choice(trials=named))] == [
        completed[-1],
        completed[0],
    ]


def test_what_has_no_final_value_cannot_be_confirmed(finished: Finished) -> None:
    trials, data = finished
    stopped = next(trial.number for trial in trials if trial.outcome is Outcome.STOPPED)
    with pytest.raises(UsageError, match=f"Trial {stopped} of small-1 is stopped; only completed trials"):
        chosen_trials(trials, data, Choice(trials=(stopped,)))
    with pytest.raises(UsageError, match="Trial 99 of small-1 does not exist"):
        chosen_trials(trials, data, Choice(trials=(99,)))
    none = front_data("small-1", [], SPACE.objective_list, SPACE.reference)
    with pytest.raises(UsageError, match="front of small-1 is empty"):
        chosen_trials([], none, Choice())
    with pytest.raises(UsageError, match="no knee"):
        chosen_trials(trials, replace(data, knee=None), Choice(knee=True))


def test_points_are_trained_on_everything_with_seeds_of_their_own(finished: Finished) -> None:
    trials, data = finished
    chosen = chosen_trials(trials, data, Choice())
    space = confirmation_space(SPACE, "small-1", chosen, Choice(seeds=2, suite="quick", images=50))
    assert space.search.trials == 2 * len(chosen)
    assert space.early_stopping.scheduler == "none"
    assert space.confirm is not None
    assert space.confirm.trials == [trial.number for trial in chosen]
    configs = [space.trial_config(point) for point in grid(space)]
    assert {config.seed for config in configs} == {4, 5}, "the search's own seed is 3"
    for trial, config in zip([*chosen, *chosen], configs, strict=True):
        expected = SPACE.trial_config(trial.parameters)
        changes = {"seed": config.seed, "train_on": "train_and_validation", "eval_images": 100}
        assert config == TrialConfig.from_mapping({**expected.to_mapping(), **changes})


def test_without_retraining_a_point_is_the_trial_itself(finished: Finished) -> None:
    trials, data = finished
    (chosen,) = chosen_trials(trials, data, Choice(knee=True))
    space = confirmation_space(SPACE, "small-1", [chosen], Choice(retrain=False, seeds=5))
    assert [space.trial_config(point) for point in grid(space)] == [SPACE.trial_config(chosen.parameters)]
    assert space.confirm is not None
    assert space.confirm.checkpoints == [f"small-1/{checkpoint_of(chosen.number, 9)}"]
    lost = replace(chosen, reports=tuple(replace(report, checkpoint=None) for report in chosen.reports))
    with pytest.raises(UsageError, match=f"Trial {chosen.number} of small-1 left no checkpoint"):
        confirmation_space(SPACE, "small-1", [lost], Choice(retrain=False))


def test_a_point_is_confirmed_once(finished: Finished) -> None:
    trials, data = finished
    (chosen,) = chosen_trials(trials, data, Choice(knee=True))
    twin = replace(chosen, number=77, parameters={**chosen.parameters})
    space = confirmation_space(SPACE, "small-1", [chosen, twin], Choice())
    assert space.confirm is not None
    assert space.confirm.trials == [chosen.number]


def test_a_confirmation_survives_its_file(finished: Finished) -> None:
    trials, data = finished
    space = confirmation_space(SPACE, "small-1", chosen_trials(trials, data, Choice()), Choice())
    assert space_from_mapping(space.model_dump(mode="json"), "space.yaml") == space
