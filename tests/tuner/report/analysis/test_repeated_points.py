"""A front whose points were trained again with other seeds: it shows means, and every trial once."""

import json
import math
from dataclasses import replace

import pytest
from fake_search import OBJECTIVES, REFERENCE, trial

from tuner.ledger.records import Outcome, TrialRecord
from tuner.pareto.hypervolume import hypervolume
from tuner.pareto.objectives import as_losses
from tuner.report.analysis.front_data import FrontData, front_data
from tuner.report.analysis.noise_notes import is_alike
from tuner.report.analysis.seed_means import has_seeds
from tuner.report.analysis.selection import choose
from tuner.report.analysis.text_tables import TRAININGS, front_text_table, trials_text_table
from tuner.report.analysis.wish import Wish
from tuner.report.front_files import front_csv, front_json


def at(lam: float, seed: int | None = None) -> dict[str, float]:
    return {"lambda": lam} | ({} if seed is None else {"seed": seed})


# Trial 0 looked best of all; with trials 3 and 5 its mean is (0.8, 0.3), which trial 1 beats.
TRIALS = [
    trial(0, 0.9, 0.5, parameters=at(1)),
    trial(1, 0.85, 0.35, parameters=at(2)),
    trial(2, 0.6, 0.6, parameters=at(5)),
    trial(3, 0.8, 0.2, parameters=at(1, 1)),
    trial(4, 0.7, 0.7, parameters=at(5, 1)),
    trial(5, 0.7, 0.2, parameters=at(1, 2)),
    trial(6, 0.1, outcome=Outcome.FAILED, parameters=at(2, 1)),
    trial(7, 0.1, outcome=Outcome.RUNNING, epochs=3, parameters=at(2, 2)),
]


def front_of(trials: list[TrialRecord]) -> FrontData:
    return front_data("example", trials, OBJECTIVES, REFERENCE, reseeds=True)


DATA = front_of(TRIALS)


def test_a_point_has_the_means_of_its_completed_trainings() -> None:
    first, second, third = DATA.points
    assert first.metrics == pytest.approx({"natural_accuracy": 0.8, "pgd_accuracy": 0.3})
    assert (first.repeats, second.repeats, third.repeats) == ((3, 5), (), (4,))
    assert second.metrics == {"natural_accuracy": 0.85, "pgd_accuracy": 0.35}
    assert [point.number for point in DATA.front] == [1, 2]
    assert first.pareto_rank == 1


def test_the_hypervolume_is_that_of_the_means() -> None:
    losses = as_losses([point.metrics for point in DATA.points], OBJECTIVES)
    assert DATA.hypervolume == pytest.approx(hypervolume(losses, as_losses([REFERENCE], OBJECTIVES)[0]))


def test_every_trial_is_there_once() -> None:
    assert [(repeat.number, repeat.repeat_of) for repeat in DATA.repeats] == [(3, 0), (4, 2), (5, 0)]
    assert [trial.number for trial in DATA.unfinished] == [6, 7]
    assert [row[:2] for row in trials_text_table(DATA).rows] == [
        ["0", "dominated"],
        ["1", "front"],
        ["2", "front"],
        ["3", "repeats 0"],
        ["4", "repeats 2"],
        ["5", "repeats 0"],
        ["6", "failed"],
        ["7", "running"],
    ]


def test_without_a_repeat_the_front_is_the_same() -> None:
    assert front_of(TRIALS[:3]) == front_data("example", TRIALS[:3], OBJECTIVES, REFERENCE)


def test_tables_and_files_say_over_how_many_trainings_a_mean_is() -> None:
    table = front_text_table(DATA)
    assert [row[table.headings.index(TRAININGS)] for row in table.rows] == ["1", "2"]
    assert TRAININGS not in front_text_table(front_of(TRIALS[:3])).headings
    lines = front_csv(DATA).splitlines()
    assert lines[0].split(",")[-1] == "trainings"
    assert [line.split(",")[-1] for line in lines[1:]] == ["1", "2"]
    assert [point.get("repeats") for point in json.loads(front_json(DATA))["front"]] == [None, [4]]


def test_a_mean_over_more_trainings_is_easier_to_tell_apart() -> None:
    """The variance of a difference is s² + s² / 2 with two trainings of one point, and 2 s² without a repeat."""
    first, second = DATA.front
    assert first.metrics["natural_accuracy"] - second.metrics["natural_accuracy"] == pytest.approx(0.2)
    data = replace(DATA, seed_noise={"natural_accuracy": 0.2 / 2 / math.sqrt(1.6), "pgd_accuracy": 1.0})
    assert not is_alike(first, second, data)
    assert is_alike(first, replace(second, repeats=()), data)


def test_a_repeat_is_chosen_by_the_trial_that_it_repeats() -> None:
    selection = choose(DATA, Wish(trial=4))
    assert selection.trials == ()
    assert "trial 2" in " ".join(selection.reasons)
    assert [point.number for point in choose(DATA, Wish(trial=2)).trials] == [2]


def test_a_search_with_some_repeats_is_no_grid_with_several_seeds() -> None:
    assert not has_seeds(DATA)
