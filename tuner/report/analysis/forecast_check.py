"""What the models of the forecast say of a search on record: of its rungs, and of the noise between seeds."""

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from training.config import varies_with_seed
from tuner.ledger import Outcome, TrialRecord
from tuner.pareto.objectives import as_losses
from tuner.report.analysis.front_data import FrontData
from tuner.search.comparable_values import Values, has_failed
from tuner.search.forecast.chain import Chain
from tuner.search.forecast.measured import Measured, Wanted
from tuner.search.forecast.measured_trials import MeasuredTrials
from tuner.search.forecast.rung_check import rung_qualities
from tuner.search.forecast.rung_quality import FEWEST
from tuner.search.forecast.seed_noise import seed_noise
from tuner.search.forecast.unit_cube import UnitCube
from tuner.space import Space

# The latest trials that are looked at: the check takes seconds.
_MOST_TRIALS = 256
_log = logging.getLogger(__name__)


def with_forecast(data: FrontData, space: Space) -> FrontData:
    """Return a front with what the models say, which takes seconds.

    It is returned as it is if too few trials are completed, or, with a warning, if the models cannot be fitted.
    """
    if not space.parameters or sum(trial.outcome is Outcome.COMPLETED for trial in data.records) < FEWEST:
        return data
    measured = measured_on_record(space, data.records[-_MOST_TRIALS:])
    names = [criterion.name for criterion in space.criteria]
    try:
        kept = Chain(measured, {}).fitted if measured.highest >= 0 else {}  # the fits take most of the time
        rungs, noise = rung_qualities(measured, names, kept), seed_noise(measured, names, kept)
    except (np.linalg.LinAlgError, FloatingPointError, ValueError) as error:
        _log.warning("What the rungs say of the end is not known: the models cannot be fitted (%s).", error)
        return data
    varying = {name: deviation for name, deviation in noise.items() if varies_with_seed(name)}
    return replace(data, rungs=tuple(rungs), seed_noise=varying)


def measured_on_record(space: Space, trials: Sequence[TrialRecord]) -> Measured:
    """Return what the models are given of trials on record."""
    values = Values(space.compared_epochs)
    for trial in trials:
        for report in trial.reports:
            if report.epoch in values.epochs:
                losses = as_losses([report.metrics], space.criteria).reshape(-1)
                values.record(trial.number, report.epoch, losses, report.time)
    failed = {trial.number for trial in trials if has_failed(trial, space.criteria)}
    cube = UnitCube(space.distributions(), space.conditions)
    return MeasuredTrials(cube, space.criteria, Wanted.by(space), ()).now(trials, values, failed)
