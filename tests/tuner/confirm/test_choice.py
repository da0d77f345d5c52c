from dataclasses import replace

import pytest
from conditional_spaces import methods_space
from raises_about import raises_about
from simulated_search import MakeLedger, checkpoint_of, drive, small_space

from training.config import parse_trial
from training.suite_names import SuiteName
from tuner.confirm.choice import Choice, Chosen, choose_trials, confirmation_space
from tuner.confirm.presentation import ConfirmationError, Use
from tuner.confirm.table import confirm_section
from tuner.errors import UsageError
from tuner.ledger import Decision, Outcome, Report, TrialRecord
from tuner.pareto.objectives import Objective
from tuner.report.analysis.front_data import FrontData, front_data
from tuner.report.analysis.wish import Wish
from tuner.report.load import front_of
from tuner.search import Search
from tuner.space import MOST_SEEDS, space_from_mapping

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
    assert [one.trial.number for one in choose_trials(trials, data, Choice())] == front
    assert [one.trial.number for one in choose_trials(trials, data, Choice(wish=Wish(knee=True)))] == [data.knee]
    completed = [trial.number for trial in trials if trial.outcome is Outcome.COMPLETED]
    named = (completed[-1], completed[0], completed[-1])
    assert [one.trial.number for one in choose_trials(trials, data, Choice(trials=named))] == [
        completed[-1],
        completed[0],
    ]
    best = max(point.metrics["natural_accuracy"] for point in data.front)
    wish = Wish(minimums={"natural_accuracy": best})
    assert [one.trial.number for one in choose_trials(trials, data, Choice(wish=wish))] == front[:1]


def test_what_has_no_final_value_cannot_be_confirmed(finished: Finished) -> None:
    trials, data = finished
    stopped = next(trial.number for trial in trials if trial.outcome is Outcome.STOPPED)
    with raises_about(UsageError, stopped):
        choose_trials(trials, data, Choice(trials=(stopped,)))
    with raises_about(UsageError, 99):
        choose_trials(trials, data, Choice(trials=(99,)))
    none = front_data("small-1", [], SPACE.objective_list, SPACE.reference)
    with raises_about(UsageError, "small-1"):
        choose_trials([], none, Choice())
    with raises_about(UsageError, Wish(knee=True)):
        choose_trials(trials, replace(data, knee=None), Choice(wish=Wish(knee=True)))


def test_points_are_trained_on_everything_with_seeds_of_their_own(finished: Finished) -> None:
    trials, data = finished
    chosen = choose_trials(trials, data, Choice())
    space = confirmation_space(
        SPACE, "small-1", "small-1-id", chosen, Choice(seeds=2, suite=SuiteName.QUICK, images=50)
    )
    assert space.search.trials == 2 * len(chosen)
    assert space.early_stopping.scheduler == "none"
    assert confirm_section(space).trials == [one.trial.number for one in chosen]
    configs = [space.trial_config(point) for point in space.grid()]
    assert {config.seed for config in configs} == {4, 5}, "the search's own seed is 3"
    for one, config in zip([*chosen, *chosen], configs, strict=True):
        expected = SPACE.trial_config(one.trial.parameters)
        changes = {"seed": config.seed, "train_on": "train_and_validation", "eval_images": 100}
        assert config == parse_trial({**expected.to_mapping(), **changes})


def test_without_retraining_a_point_is_the_trial_itself(finished: Finished) -> None:
    trials, data = finished
    (chosen,) = choose_trials(trials, data, Choice(wish=Wish(knee=True)))
    space = confirmation_space(SPACE, "small-1", "small-1-id", [chosen], Choice(retrain=False, seeds=5))
    assert [space.trial_config(point) for point in space.grid()] == [SPACE.trial_config(chosen.trial.parameters)]
    assert confirm_section(space).checkpoints == [f"small-1/{checkpoint_of(chosen.trial.number, 9)}"]
    trial = chosen.trial
    last = replace(trial.reports[-1], checkpoint=None)  # the weights of an earlier report are not those of the trial
    lost = Chosen(replace(trial, reports=(*trial.reports[:-1], last)))
    with raises_about(UsageError, trial.number):
        confirmation_space(SPACE, "small-1", "small-1-id", [lost], Choice(retrain=False))


@pytest.mark.parametrize(("kept", "asked"), [("best", None), ("last", "best"), ("best", "best")])
def test_images_that_choose_the_best_epoch_are_not_trained_on(finished: Finished, kept: str, asked: str | None) -> None:
    trials, data = finished
    source = small_space(search={"trials": 24}, trial={"select": kept})
    (chosen,) = choose_trials(trials, data, Choice(wish=Wish(knee=True)))
    space = confirmation_space(source, "small-1", "small-1-id", [chosen], Choice(seeds=1, select=asked))
    (config,) = [space.trial_config(point) for point in space.grid()]
    expected = source.trial_config(chosen.trial.parameters)
    assert config == parse_trial({**expected.to_mapping(), "seed": config.seed, "select": "best"})


def test_epochs_that_are_compared_have_one_attack(finished: Finished) -> None:
    trials, data = finished
    source = small_space(search={"trials": 24}, trial={"eval_early_attack_steps": 5})
    (chosen,) = choose_trials(trials, data, Choice(wish=Wish(knee=True)))
    for choice, steps in ((Choice(select="best"), 0), (Choice(), 5), (Choice(retrain=False), 5)):
        space = confirmation_space(source, "small-1", "small-1-id", [chosen], choice)
        assert space.shared("eval_early_attack_steps") == steps


def test_the_last_epoch_of_a_search_for_the_best_is_confirmed_with_all_images(finished: Finished) -> None:
    trials, data = finished
    source = small_space(search={"trials": 24}, trial={"select": "best"})
    (chosen,) = choose_trials(trials, data, Choice(wish=Wish(knee=True)))
    space = confirmation_space(source, "small-1", "small-1-id", [chosen], Choice(seeds=1, select="last"))
    assert space.shared("select") == "last"
    assert space.shared("train_on") == "train_and_validation"


@pytest.mark.parametrize(("kept", "asked"), [("best", "last"), ("last", "best")])
def test_weights_that_the_trials_did_not_keep_are_not_measured(finished: Finished, kept: str, asked: str) -> None:
    trials, data = finished
    source = small_space(search={"trials": 24}, trial={"select": kept})
    (chosen,) = choose_trials(trials, data, Choice(wish=Wish(knee=True)))
    with raises_about(UsageError, "--select"):
        confirmation_space(source, "small-1", "small-1-id", [chosen], Choice(retrain=False, select=asked))
    space = confirmation_space(source, "small-1", "small-1-id", [chosen], Choice(retrain=False, select=kept))
    assert space.shared("select") == kept


def test_a_point_is_confirmed_once(finished: Finished) -> None:
    trials, data = finished
    (chosen,) = choose_trials(trials, data, Choice(wish=Wish(knee=True)))
    twin = Chosen(replace(chosen.trial, number=77, parameters={**chosen.trial.parameters}))
    space = confirmation_space(SPACE, "small-1", "small-1-id", [chosen, twin], Choice())
    assert confirm_section(space).trials == [chosen.trial.number]


def test_a_confirmation_survives_its_file(finished: Finished) -> None:
    trials, data = finished
    space = confirmation_space(SPACE, "small-1", "small-1-id", choose_trials(trials, data, Choice()), Choice())
    assert space_from_mapping(space.model_dump(mode="json"), "space.yaml") == space


def test_a_choice_by_the_test_set_is_refused(finished: Finished) -> None:
    trials, data = finished
    chosen = choose_trials(trials, data, Choice(wish=Wish(knee=True)))
    confirmation = confirmation_space(SPACE, "small-1", "small-1-id", chosen, Choice())
    with raises_about(ConfirmationError, "small-1-confirm") as refused:
        confirmation_space(confirmation, "small-1-confirm", "small-1-confirm-id", chosen, Choice())
    assert (refused.value.search, refused.value.use) == ("small-1", Use.CONFIRMATION)
    mapping = SPACE.model_dump(mode="json")
    mapping["confirm"] = {"search": "small-1", "search_id": "id", "trials": [0]}
    with pytest.raises(UsageError) as caught:
        space_from_mapping(mapping, "mine.yaml")
    assert "mine.yaml: confirm: " in str(caught.value)


@pytest.mark.parametrize("retrain", [True, False])
def test_the_seeds_of_a_grid_are_kept_or_left_behind(finished: Finished, retrain: bool) -> None:
    trials, data = finished
    first = choose_trials(trials, data, Choice(wish=Wish(knee=True)))[0].trial
    point = first.parameters
    mapping = SPACE.model_dump(mode="json")
    mapping["search"] = {"sampler": "grid", "points": [point], "seeds": 3, "seed": 5}
    source = space_from_mapping(mapping, "grid")
    runs = [replace(first, number=number, parameters={**point, "seed": 5 + number}) for number in range(3)]
    space = confirmation_space(source, "grid-1", "grid-1-id", list(map(Chosen, runs)), Choice(seeds=2, retrain=retrain))
    configs = [space.trial_config(values) for values in space.grid()]
    if retrain:
        assert confirm_section(space).trials == [0]
        assert [config.seed for config in configs] == [8, 9]
    else:
        assert confirm_section(space).trials == [0, 1, 2]
        assert configs == [source.trial_config(run.parameters) for run in runs]


def test_a_seed_fixed_by_the_file_is_not_used_again(finished: Finished) -> None:
    trials, data = finished
    mapping = SPACE.model_dump(mode="json")
    mapping["trial"]["seed"] = 11
    source = space_from_mapping(mapping, "seeded")
    space = confirmation_space(
        source, "small-1", "small-1-id", choose_trials(trials, data, Choice(wish=Wish(knee=True))), Choice(seeds=2)
    )
    assert [space.trial_config(point).seed for point in space.grid()] == [12, 13]


def test_a_confirmation_of_methods_has_the_parameters_of_each_trial() -> None:
    space = methods_space()
    points = [
        {"objective": "mma", "bottleneck": 8},
        {"objective": "trades", "bottleneck": 16, "trades_lambda": 2.0},
        {"objective": "mma", "bottleneck": 8},
    ]
    records = [TrialRecord(number, point, Outcome.COMPLETED, 0.0, 1.0) for number, point in enumerate(points)]
    chosen = list(map(Chosen, records))
    confirmation = confirmation_space(space, "methods-1", "id", chosen, Choice(seeds=2))
    assert confirmation.grid() == [{**point, "seed": seed} for seed in (4, 5) for point in points[:2]]
    assert [confirmation.trial_config(point).objective for point in confirmation.grid()[:2]] == ["mma", "trades"]
    assert [confirmation.point_index(point) for point in confirmation.grid()] == [0, 1, 0, 1]


def test_a_search_whose_trials_are_all_beyond_its_constraints_says_so() -> None:
    record = TrialRecord(
        0,
        {},
        Outcome.COMPLETED,
        0.0,
        1.0,
        (Report(9, {"a": 0.5, "b": 9.0}, rung=False, decision=Decision.COMPLETE, checkpoint=None, time=0.0),),
    )
    limit = Objective("b", maximise=False, limit=1.0)
    data = front_data("s", [record], [Objective("a", maximise=True)], {"a": 0.0}, constraints=[limit])
    with raises_about(UsageError, Wish()):
        choose_trials([record], data, Choice())


EPOCHS = small_space(
    search={"trials": 12, "candidates": "every_evaluation"}, early_stopping={"grace_epochs": 3, "reduction_factor": 2}
)


@pytest.fixture
def of_epochs(make_ledger: MakeLedger) -> Finished:
    search = Search(EPOCHS, make_ledger(EPOCHS, "epochs-1"))
    drive(search)
    return search.trials, front_of("epochs-1", EPOCHS, search.trials)


def test_points_that_are_epochs_are_trained_to_them_on_the_schedules_of_the_budget(of_epochs: Finished) -> None:
    trials, data = of_epochs
    chosen = choose_trials(trials, data, Choice())
    assert [(one.trial.number, one.epoch) for one in chosen] == [(point.number, point.epoch) for point in data.front]
    space = confirmation_space(EPOCHS, "small-1", "id", chosen, Choice(seeds=2))
    configs = [space.trial_config(point) for point in space.grid()]
    assert [config.last_epoch for config in configs] == 2 * [one.epoch for one in chosen]
    assert {config.epochs for config in configs} == {9}
    assert space.most_epochs == sum(config.last_epoch for config in configs)
    assert space_from_mapping(space.model_dump(mode="json"), "space.yaml") == space


def test_an_epoch_of_a_stopped_trial_is_confirmed_with_its_own_weights(of_epochs: Finished) -> None:
    trials, data = of_epochs
    stopped = next(trial for trial in trials if trial.outcome is Outcome.STOPPED)
    last = stopped.epochs_trained
    choice = Choice(trials=(stopped.number,), epoch=last, retrain=False)
    (chosen,) = choose_trials(trials, data, choice)
    space = confirmation_space(EPOCHS, "small-1", "id", [chosen], choice)
    assert confirm_section(space).checkpoints == [f"small-1/{checkpoint_of(stopped.number, last)}"]
    assert [space.trial_config(point).stop_after for point in space.grid()] == [last]


def test_a_completed_trial_without_an_epoch_stands_for_its_last_one(of_epochs: Finished) -> None:
    trials, data = of_epochs
    completed = next(trial for trial in trials if trial.outcome is Outcome.COMPLETED)
    assert choose_trials(trials, data, Choice(trials=(completed.number,))) == [Chosen(completed, 9)]


def test_epochs_that_cannot_be_confirmed_are_refused(of_epochs: Finished, finished: Finished) -> None:
    trials, data = of_epochs
    number = data.front[0].number
    for choice, subject in (
        (Choice(trials=(number,), epoch=99), "--epoch"),
        (Choice(trials=(0, 1), epoch=3), ("--epoch", "--trial")),
        (Choice(trials=(77,), epoch=3), 77),
    ):
        with raises_about(UsageError, subject):
            choose_trials(trials, data, choice)
    with raises_about(UsageError, "--epoch"):
        choose_trials(*finished, Choice(trials=(0,), epoch=3))
    chosen = choose_trials(trials, data, Choice())
    with raises_about(UsageError, "--select"):
        confirmation_space(EPOCHS, "small-1", "id", chosen, Choice(select="best"))


def test_the_seeds_of_repeats_are_not_used_again(finished: Finished) -> None:
    trials, data = finished
    space = small_space(search={"reseed": "front", "seed": 7})
    chosen = choose_trials(trials, data, Choice(wish=Wish(knee=True)))
    confirmation = confirmation_space(space, "small-1", "small-1-id", chosen, Choice(seeds=2))
    assert {space.seed_of(training) for training in range(MOST_SEEDS)} == {7, 8, 9, 10, 11}
    assert [point["seed"] for point in confirmation.grid()] == [12, 13]
