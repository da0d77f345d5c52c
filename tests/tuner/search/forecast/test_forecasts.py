"""When the forecast decides at a rung, and when it leaves the decision to plain rungs."""

from dataclasses import replace

import numpy as np
import pytest
from conditional_spaces import methods_space
from simulated_search import measured, small_space

from tuner.ledger import Outcome, TrialRecord
from tuner.search.comparable_values import Values
from tuner.search.forecast.forecasts import Forecasts
from tuner.search.rungs import Judgement
from tuner.search.warm_start import EarlierTrial
from tuner.space.sections import ObjectiveSpec

SPACE = small_space(search={"sampler": "forecast"}, early_stopping={"scheduler": "forecast"})


def search_of(trials: int, ended: int) -> tuple[list[TrialRecord], Values]:
    """Return trials that run after epoch 3, the second of two rungs, and others that are trained to the end."""
    rng, values, records = np.random.default_rng(0), Values((1, 3, 9)), []
    for number in range(trials + ended):
        parameters = {"alpha": rng.random(), "lambda": 10 ** rng.uniform(-2, 1), "bottleneck": int(rng.choice([8, 16]))}
        outcome = Outcome.RUNNING if number < trials else Outcome.COMPLETED
        records.append(TrialRecord(number, parameters, outcome, started=0.0))
        for epoch in (1, 3) if number < trials else (1, 3, 9):
            found = measured(parameters, epoch)
            losses = -np.array([found["natural_accuracy"], found["pgd_accuracy"]])
            values.record(number, epoch, losses, float(number))
    return records, values


def judgements(ended: int, trials: int = 20) -> list[Judgement | None]:
    """Return the judgements of trials after epoch 1, the first of two rungs."""
    records, values = search_of(trials, ended)
    forecasts = Forecasts(SPACE, [])
    return [forecasts.judgement(records, values, set(), number, 1) for number in range(trials)]


def test_nothing_is_stopped_by_the_forecast_of_a_rung_while_the_end_is_unknown() -> None:
    found = judgements(ended=2)
    assert [judgement for judgement in found if judgement is not None and not judgement.goes_on] == []
    assert found.count(None) > len(found) / 2, "plain rungs decide on most of the others"


def test_as_soon_as_three_trials_have_ended_the_forecast_decides() -> None:
    assert None not in judgements(ended=3)


def test_the_forecast_stops_some_trials_and_not_all() -> None:
    found = judgements(ended=8, trials=40)
    assert {judgement.goes_on for judgement in found if judgement is not None} == {True, False}


def test_the_first_trial_of_each_method_is_trained_to_the_end() -> None:
    space = methods_space(search={"sampler": "forecast"}, early_stopping={"scheduler": "forecast"})
    methods = ["trades", "trades", "trades", "shared_information", "trades", "shared_information", "mma"]
    records = [TrialRecord(n, {"objective": method}, Outcome.RUNNING, started=0.0) for n, method in enumerate(methods)]
    values = Values((1, 3, 9))
    for number in range(len(methods)):
        values.record(number, 1, np.array([-0.1 * number, 0.1 * number]))
    forecasts = Forecasts(space, [])
    found = [forecasts.judgement(records, values, set(), number, 1) for number in range(len(methods))]
    assert [number for number, judgement in enumerate(found) if judgement is not None] == [0, 3, 6]
    records[3] = replace(records[3], outcome=Outcome.FAILED)
    following = forecasts.judgement(records, values, set(), 5, 1)
    assert following is not None, "the next one takes the place of a trial that has failed"
    assert following.goes_on
    metrics = {epoch: {"natural_accuracy": 0.5, "pgd_accuracy": 0.3} for epoch in (1, 3, 9)}
    earlier = [EarlierTrial("before", 0, {"objective": "mma"}, metrics)]
    assert Forecasts(space, earlier).judgement(records, values, set(), 6, 1) is None, (
        "an earlier search has shown its end"
    )
    earlier = [EarlierTrial("before", 0, {"objective": "mma"}, {9: metrics[9]})]
    assert Forecasts(space, earlier).judgement(records, values, set(), 6, 1) is not None, (
        "the models do not know a trial that was not measured at the rungs"
    )


def test_some_points_lie_anywhere_however_much_is_known() -> None:
    """With a seed of which the trials 0 to 39 hold some that teach anywhere."""
    forecasts, (records, values) = Forecasts(SPACE, []), search_of(20, 8)
    points = [forecasts.proposer(records, values, set(), number, {})() for number in range(100, 140)]
    again = [forecasts.proposer([], Values((1, 3, 9)), set(), number, {})() for number in range(100, 140)]
    same = sum(point == other for point, other in zip(points, again, strict=True))
    assert 0 < same < 15


def test_points_are_proposed_that_are_better_than_the_reference_point() -> None:
    def within(reference: float) -> int:
        """Return how many of 40 proposals have a natural accuracy above 0.85 at the end."""
        space = small_space(
            objectives={"natural_accuracy": {"reference": reference}, "pgd_accuracy": {}},
            search={"sampler": "forecast"},
            early_stopping={"scheduler": "forecast"},
        )
        forecasts, (records, values) = Forecasts(space, []), search_of(20, 8)
        points = [forecasts.proposer(records, values, set(), number, {})() for number in range(100, 140)]
        return sum(measured(point, 9)["natural_accuracy"] > 0.85 for point in points if point is not None)

    assert within(0.85) > within(0.0) + 10


@pytest.mark.parametrize("count", [1, 3, 5, 8])
def test_a_space_may_have_any_number_of_objectives(count: int) -> None:
    accuracies = ("natural_accuracy", "pgd_accuracy", "robust_accuracy", "worst_class_pgd_accuracy")
    minimised = ("parameters", "seconds", "loss/total", "gpu_memory")
    names = [name for pair in zip(accuracies, minimised, strict=True) for name in pair][:count]
    objectives = {name: {"direction": "minimize", "reference": 1.0} if name in minimised else {} for name in names}
    space = SPACE.model_copy(update={"objectives": {n: ObjectiveSpec(**spec) for n, spec in objectives.items()}})
    records, _ = search_of(10, 12)
    values, rng = Values((1, 3, 9)), np.random.default_rng(1)
    for record in records:
        losses = np.array([-0.1, *[0.5] * 7][:count]) + 0.3 * rng.random(count)
        for epoch in (1, 3) if record.outcome is Outcome.RUNNING else (1, 3, 9):
            values.record(record.number, epoch, losses / epoch, float(record.number))
    forecasts = Forecasts(space, [])
    points = [forecasts.proposer(records, values, set(), number, {})() for number in range(30, 34)]
    assert all(point is not None and set(point) == {"alpha", "lambda", "bottleneck"} for point in points)
    assert None not in [forecasts.judgement(records, values, set(), number, 3) for number in range(10)]


def test_the_trials_that_teach_are_those_at_the_same_places_whatever_their_numbers_are() -> None:
    records, values = search_of(40, 2)
    shifted, moved = [replace(record, number=record.number + 3) for record in records], Values(values.epochs)
    for epoch in values.epochs:
        for number, losses in values.at(epoch).items():
            moved.record(number + 3, epoch, losses, float(number))
    one, other = Forecasts(SPACE, []), Forecasts(SPACE, [])
    plain = [one.judgement(records, values, set(), number, 1) is None for number in range(40)]
    assert plain == [other.judgement(shifted, moved, set(), number + 3, 1) is None for number in range(40)]
