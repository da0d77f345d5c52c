"""When the forecast decides at a rung, and when it leaves the decision to plain rungs."""

import numpy as np
from simulated_search import measured, small_space

from tuner.ledger import Outcome, TrialRecord
from tuner.search.comparable_values import Values
from tuner.search.forecast.forecasts import Forecasts
from tuner.search.rungs import Judgement

SPACE = small_space(search={"sampler": "forecast"}, early_stopping={"scheduler": "forecast"})


def judgements(ended: int, trials: int = 20) -> list[Judgement | None]:
    """Return the judgements of trials after epoch 1, the first of two rungs; `ended` others are trained to the end."""
    rng, values, records = np.random.default_rng(0), Values((1, 3, 9)), []
    for number in range(trials + ended):
        parameters = {"alpha": rng.random(), "lambda": 10 ** rng.uniform(-2, 1), "bottleneck": int(rng.choice([8, 16]))}
        outcome = Outcome.RUNNING if number < trials else Outcome.COMPLETED
        records.append(TrialRecord(number, parameters, outcome, started=0.0))
        for epoch in (1, 3) if number < trials else (1, 3, 9):
            found = measured(parameters, epoch)
            losses = -np.array([found["natural_accuracy"], found["pgd_accuracy"]])
            values.record(number, epoch, losses, float(number))
    forecasts = Forecasts(SPACE, [])
    return [forecasts.judgement(records, values, set(), number, 1) for number in range(trials)]


def test_nothing_is_stopped_by_the_forecast_of_a_rung_while_the_end_is_unknown() -> None:
    found = judgements(ended=3)
    assert [judgement for judgement in found if judgement is not None and not judgement.goes_on] == []
    assert [judgement is not None for judgement in found[:2]] == [True, True], "the first two are trained to the end"
    assert found.count(None) > len(found) / 2, "plain rungs decide on most of the others"


def test_as_soon_as_four_trials_have_ended_the_forecast_decides() -> None:
    found = judgements(ended=4)
    assert None not in found
    assert {judgement.goes_on for judgement in found if judgement is not None} == {True, False}
