"""What the page shows of a search at one moment, as plain values. These functions read and change nothing."""

import hashlib
import shlex
from collections.abc import Sequence
from typing import Any

from plotly.io.json import to_json_plotly

from tuner.confirm.presentation import presentation_of
from tuner.errors import UsageError
from tuner.ledger import Instruction, InstructionState, Outcome, TrialRecord
from tuner.live.events import latest_events
from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.noise_notes import noise_notes
from tuner.report.analysis.text_tables import count_trials, summary, trials_text_table
from tuner.report.console.trial_details import decisions_table, trial_caption
from tuner.report.figure.front_figure import front_figure
from tuner.report.load import LoadedSearch
from tuner.report.status import SearchState, Status, state_text
from tuner.report.text import count_of, format_value
from tuner.report.time_left import left_in_words
from tuner.report.web.plotly_front import colourings, plot_front
from tuner.space import Space
from tuner.steering.arguments import AUTO, CONCURRENCY, SETTINGS
from tuner.steering.decide import recorded_concurrency

MOST_TRIALS = 300
_MOST_EVENTS = 60


def snapshot(status: Status, search: LoadedSearch, known_figure: str = "") -> dict[str, Any]:
    """Return the state, progress, trials, events and rules of a search, and the figure of its front.

    The figure is the largest part: it is left out if its version is `known_figure`.
    """
    data, ranked = search.data, presentation_of(search.space).has_front
    resume = f"tuner run --resume {shlex.quote(status.search)}{data.runs_flag}"
    running = status.state is SearchState.RUNNING
    version, figure = _figure(data) if ranked else ("none", None)
    return {
        "search": status.search,
        "state": status.state.value,
        "state_text": state_text(status, resume),
        "resume": None if running else resume,
        "progress": _progress(status),
        "summary": summary(data) if ranked else count_trials(data),
        "trials": _trials(data, ranked=ranked),
        "figure_version": version,
        **({} if version == known_figure else {"figure": figure}),
        "events": [event.row() for event in latest_events(search.trials, status.instructions, _MOST_EVENTS)],
        "instructions": [_instruction(one) for one in status.instructions[-10:]],
        "settings": _settings(search.space, status.instructions),
    }


def trial_snapshot(search: LoadedSearch, number: int) -> dict[str, Any]:
    """Return one trial: its parameters, and what was decided on it and why; raise UsageError if it does not exist."""
    trial = next((each for each in search.trials if each.number == number), None)
    if trial is None:
        raise UsageError(f"There is no trial {number}: it has not started.", number)
    table = decisions_table(trial, search.space.criteria, search.data.front_epochs.get(number, ()))
    return {
        "trial": number,
        "running": trial.outcome is Outcome.RUNNING,
        "text": trial_caption(trial),
        "parameters": {name: format_value(value) for name, value in trial.parameters.items()},
        "decisions": {"headings": table.headings, "rows": table.rows},
    }


def shown_trials(trials: Sequence[TrialRecord], front: set[int], most: int = MOST_TRIALS) -> list[int]:
    """Return the numbers of the trials that the page lists: running ones, then the newest.

    If they are more than `most`, the oldest are left out, and those of the front last.
    """
    running = [trial.number for trial in trials if trial.outcome is Outcome.RUNNING]
    others = [trial.number for trial in trials if trial.outcome is not Outcome.RUNNING]
    in_order = sorted(running, reverse=True) + sorted(others, reverse=True)
    urgent = sorted(in_order, key=lambda number: number not in front and number not in running)
    kept = set(urgent[:most])
    return [number for number in in_order if number in kept]


def _trials(data: FrontData, *, ranked: bool) -> dict[str, Any]:
    table = trials_text_table(data, ranked=ranked)
    front = {point.number for point in data.front} if ranked else set()
    outcomes = {record.number: record.outcome for record in data.records}
    cells = dict(zip(sorted(outcomes), table.rows, strict=True))
    shown = shown_trials(data.records, front)
    rows = [
        {"trial": number, "cells": cells[number], "outcome": outcomes[number].value, "front": number in front}
        for number in shown
    ]
    left_out = len(data.records) - len(rows)
    note = f"{count_of(left_out, 'older trial')} left out: `tuner show {data.search}` lists all." if left_out else ""
    return {"headings": table.headings, "rows": rows, "note": note}


def _progress(status: Status) -> dict[str, Any]:
    parts = [f"{status.ended} of {status.trials} trials ended", f"{count_of(status.epochs, 'epoch')} trained"]
    if status.state is SearchState.RUNNING:
        parts.append(f"time left: {left_in_words(status.left_seconds, status.ended)}")
    return {"ended": status.ended, "trials": status.trials, "text": ", ".join(parts)}


def _figure(data: FrontData) -> tuple[str, dict[str, Any] | None]:
    """Return the figure of the front, with its version; it is None if no trial has values."""
    shown = front_figure(data)
    if not shown.front and not shown.unfinished:
        return "none", None
    drawn = plot_front(shown)
    notes = [*noise_notes(data), *shown.notes, *shown.outside]
    figure = {**drawn, "colourings": colourings(shown, drawn), "notes": notes}
    return hashlib.sha256(str(to_json_plotly(figure)).encode()).hexdigest()[:16], figure


def _instruction(one: Instruction) -> dict[str, Any]:
    return {
        "number": one.number,
        "text": str(one),
        "answer": one.answer,
        "waits": one.state is InstructionState.WAITING,
    }


def _settings(space: Space, instructions: Sequence[Instruction]) -> dict[str, str]:
    """Return the present value of each rule that may change, as a user writes it."""
    found: dict[str, Any] = {CONCURRENCY: recorded_concurrency(list(instructions)) or AUTO}
    rules = space.search.model_dump()
    found |= {key: rules[key.partition(".")[2]] for key in SETTINGS if "." in key}
    return {key: "null" if found[key] is None else str(found[key]) for key in SETTINGS}
