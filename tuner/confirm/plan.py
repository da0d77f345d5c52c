"""From a search and a choice of its trials to the grid that confirms them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tuner.errors import UsageError
from tuner.ledger import Outcome, TrialRecord
from tuner.report.front_data import FrontData
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

    Trained on training and validation data for the whole budget. Without retraining a point runs once, with the
    seed that it was trained with.
    """
    unique = _unique(chosen)
    points: list[dict[str, Any]] = [
        {name: value for name, value in trial.parameters.items() if name != "seed"} for trial in unique
    ]
    seed = source.search.seed + source.search.seeds if choice.retrain else source.search.seed
    final = {"train_on": "train_and_validation", "eval_images": _VALIDATION_IMAGES} if choice.retrain else {}
    search_part = {
        "sampler": "grid",
        "points": points,
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
    mapping = {
        **source.model_dump(mode="json"),
        "description": f"confirmation of {search}",
        "trial": {**source.trial, **final},
        "search": search_part,
        "early_stopping": {"scheduler": "none"},
        "confirm": confirm,
    }
    return space_from_mapping(mapping, f"the confirmation of {search}")


def _unique(chosen: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Leave out trials that differ in nothing but their number or their seed: their point is confirmed once."""
    kept: dict[str, TrialRecord] = {}
    for trial in chosen:
        point = {name: value for name, value in trial.parameters.items() if name != "seed"}
        kept.setdefault(repr(sorted(point.items())), trial)
    return list(kept.values())


def _checkpoint(search: str, trial: TrialRecord) -> str:
    last = next((report.checkpoint for report in reversed(trial.reports) if report.checkpoint), None)
    if last is None:
        raise UsageError(f"Trial {trial.number} of {search} left no checkpoint: leave --no-retrain out.")
    return f"{search}/{last}"
