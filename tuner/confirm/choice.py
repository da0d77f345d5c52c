"""From a search and a choice of its trials to the grid that confirms them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tuner.errors import UsageError
from tuner.ledger import Outcome, TrialRecord
from tuner.report.analysis.front_data import FrontData
from tuner.space import Space, space_from_mapping

# The accuracies on the validation part say nothing once it is trained on: they are not worth much time.
_VALIDATION_IMAGES = 100


@dataclass(frozen=True)
class Choice:
    """Which trials, and how they are confirmed; `trials` empty: the front."""

    trials: Sequence[int] = ()
    knee: bool = False
    seeds: int = 3
    suite: str = "standard"
    images: int = 0
    retrain: bool = True


def chosen_trials(trials: Sequence[TrialRecord], data: FrontData, choice: Choice) -> list[TrialRecord]:
    """Give the chosen trials, the front's best first in the first objective; raise UsageError if there are none."""
    by_number = {trial.number: trial for trial in trials}
    if choice.trials:
        for number in choice.trials:
            trial = by_number.get(number)
            if trial is None or trial.outcome is not Outcome.COMPLETED:
                state = "does not exist" if trial is None else f"is {trial.outcome.value}"
                raise UsageError(f"Trial {number} of {data.search} {state}; only completed trials can be confirmed.")
        return [by_number[number] for number in dict.fromkeys(choice.trials)]
    if not data.front:
        raise UsageError(f"The front of {data.search} is empty: no trial has completed yet. Resume the search first.")
    if choice.knee and data.knee is None:
        raise UsageError(
            f"The front of {data.search} has fewer than 3 different points, hence no knee: choose with --trial."
        )
    return [by_number[point.number] for point in data.front if not choice.knee or point.number == data.knee]


def confirmation_space(source: Space, search: str, chosen: Sequence[TrialRecord], choice: Choice) -> Space:
    """Give the grid of the chosen points, each with several seeds, none of them the search's own.

    Trained on training and validation data for the whole budget. Without retraining every trial is a point, with the
    seed that it was trained with. Raise UsageError for the confirmation of a confirmation.
    """
    if source.confirm is not None:
        raise UsageError(
            f"{search} is a confirmation: a choice by its figures would be one by the test set. Choose by the search "
            f"that it confirms, {source.confirm.search}."
        )
    unique = _unique(chosen, with_seed=not choice.retrain)
    mapping = source.model_dump(mode="json")
    trial, parameters, seed = _retrained(mapping) if choice.retrain else _as_trained(mapping, unique)
    search_part = {
        "sampler": "grid",
        "points": [{name: record.parameters[name] for name in parameters} for record in unique],
        "seed": seed,
        "seeds": choice.seeds if choice.retrain else 1,
        "max_failures": source.search.max_failures,
    }
    confirm = {
        "search": search,
        "trials": [trial.number for trial in unique],
        "suite": choice.suite,
        "images": choice.images,
        "retrain": choice.retrain,
        "checkpoints": [] if choice.retrain else [_checkpoint(search, trial) for trial in unique],
    }
    mapping |= {
        "description": f"confirmation of {search}",
        "trial": trial,
        "parameters": parameters,
        "search": search_part,
        "early_stopping": {"scheduler": "none"},
        "confirm": confirm,
    }
    return space_from_mapping(mapping, f"the confirmation of {search}")


class _Setting(NamedTuple):
    """The fixed and the searched part of a confirmation, and the first of its seeds."""

    trial: dict[str, Any]
    parameters: dict[str, Any]
    seed: int


def _retrained(source: dict[str, Any]) -> _Setting:
    """Train on everything, with seeds after those of the search, whichever way it had them."""
    trial = {name: value for name, value in source["trial"].items() if name != "seed"}
    trial |= {"train_on": "train_and_validation", "eval_images": _VALIDATION_IMAGES}
    parameters = {name: value for name, value in source["parameters"].items() if name != "seed"}
    used = source["trial"].get("seed", source["search"]["seed"]) + source["search"]["seeds"]
    return _Setting(trial, parameters, used)


def _as_trained(source: dict[str, Any], chosen: Sequence[TrialRecord]) -> _Setting:
    """Leave everything as it was; the seeds of a grid become a parameter like the others."""
    parameters = dict(source["parameters"])
    if any("seed" in trial.parameters for trial in chosen) and "seed" not in parameters:
        parameters["seed"] = {"type": "int", "low": 0, "high": 2**31 - 1}
    first = source["search"]["seed"]
    return _Setting(dict(source["trial"]), parameters, first)


def _unique(chosen: Sequence[TrialRecord], *, with_seed: bool) -> list[TrialRecord]:
    """Leave out trials that differ in nothing but their number or, unless `with_seed`, their seed."""
    kept: dict[str, TrialRecord] = {}
    for trial in chosen:
        point = {name: value for name, value in trial.parameters.items() if with_seed or name != "seed"}
        kept.setdefault(repr(sorted(point.items())), trial)
    return list(kept.values())


def _checkpoint(search: str, trial: TrialRecord) -> str:
    last = next((report.checkpoint for report in reversed(trial.reports) if report.checkpoint), None)
    if last is None:
        raise UsageError(f"Trial {trial.number} of {search} left no checkpoint: leave --no-retrain out.")
    return f"{search}/{last}"
