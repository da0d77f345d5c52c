"""Searches made up for the tests of the reports: a trade-off along lambda, with rungs at 13 and 40 epochs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from rich.console import Console, RenderableType

from tuner.ledger.records import Decision, Outcome, Report, TrialRecord
from tuner.pareto.objectives import Objective
from tuner.report.analysis.front_data import FrontData, front_data

OBJECTIVES = (Objective("natural_accuracy", maximise=True), Objective("pgd_accuracy", maximise=True))
REFERENCE = {"natural_accuracy": 0.0, "pgd_accuracy": 0.0}
BUDGET = 120


def trial(
    number: int,
    *accuracies: float,
    outcome: Outcome = Outcome.COMPLETED,
    epochs: int = BUDGET,
    ended: float | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> TrialRecord:
    """Make a trial whose last report has these values of natural, PGD (and further) accuracy."""
    names = ["natural_accuracy", "pgd_accuracy", "autoattack_accuracy"]
    metrics = dict(zip(names, accuracies, strict=False))
    decision = Decision.COMPLETE if outcome is Outcome.COMPLETED else Decision.STOP
    report = Report(epochs, metrics, rung=True, decision=decision, checkpoint=None, time=float(number))
    running = outcome is Outcome.RUNNING
    return TrialRecord(
        number=number,
        parameters=dict(parameters or {}),
        outcome=outcome,
        started=0.0,
        ended=None if running else float(number) if ended is None else ended,
        reports=(report,) if accuracies else (),
    )


def trade_off_trials(count: int = 30, seed: int = 0) -> list[TrialRecord]:
    """Make trials of which two thirds are stopped at a rung, some still run and one failed."""
    rng = np.random.default_rng(seed)
    trials = []
    for number in range(count):
        lam = float(np.exp(rng.uniform(np.log(0.1), np.log(30))))
        quality = float(rng.beta(5, 1.5))
        share = np.log(lam / 0.1) / np.log(300)
        natural = 0.94 - 0.16 * share**2 - 0.1 * (1 - quality)
        robust = 0.26 + 0.30 * np.sqrt(share) - 0.1 * (1 - quality)
        outcome, epochs, grown = _end(number, quality, rng)
        noise = rng.normal(0, 0.004, 2)
        accuracies = (np.array([natural, robust]) * grown + noise).clip(0, 1).round(4).tolist()
        parameters = {
            "alpha": float(rng.random()),
            "beta": float(10 ** rng.uniform(-4, -1)),
            "lambda": lam,
            "bottleneck": int(rng.choice([64, 128, 256, 512])),
        }
        trials.append(trial(number, *accuracies, outcome=outcome, epochs=epochs, parameters=parameters))
    return trials


def _end(number: int, quality: float, rng: np.random.Generator) -> tuple[Outcome, int, float]:
    """Say how a trial ends, after how many epochs, and what share of its final accuracies it has then."""
    if number == 11:
        return Outcome.FAILED, 7, 0.5
    if number in {28, 29}:
        return Outcome.RUNNING, int(rng.integers(2, BUDGET)), 0.75
    if quality < 0.62:
        return Outcome.STOPPED, 13, 0.6
    if quality < 0.78:
        return Outcome.STOPPED, 40, 0.85
    return Outcome.COMPLETED, BUDGET, 1.0


def search_of(trials: Sequence[TrialRecord], objectives: Sequence[Objective] = OBJECTIVES) -> FrontData:
    """Work out the front of made-up trials, with the origin as the reference point."""
    return front_data("example", trials, objectives, {o.name: 0.0 for o in objectives})


def search_of_epochs(count: int = 20, epochs: int = 6, seed: int = 0) -> FrontData:
    """Work out the front of every epoch of made-up trials, whose PGD accuracy rises and then falls; some stop early."""
    rng = np.random.default_rng(seed)
    trials = []
    for number in range(count):
        top, peak = rng.uniform(0.3, 0.6), rng.uniform(2, epochs)
        outcome = Outcome.STOPPED if number % 3 == 0 else Outcome.COMPLETED
        last = epochs // 2 if outcome is Outcome.STOPPED else epochs
        shares = [(0.9 - 0.5 * top - 0.3 / epoch, top - 0.02 * (epoch - peak) ** 2) for epoch in range(1, last + 1)]
        reports = tuple(
            Report(epoch, dict(zip(REFERENCE, pair, strict=True)), False, Decision.CONTINUE, None, float(number))
            for epoch, pair in enumerate(shares, start=1)
        )
        whole = trial(number, *shares[-1], outcome=outcome, epochs=last, parameters={"lambda": float(10 * top)})
        trials.append(replace(whole, reports=reports))
    return front_data("example", trials, OBJECTIVES, REFERENCE, every_epoch=True)


def printed(table: RenderableType, width: int = 80) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(table)
    return capture.get()
