"""Which trials of a search are confirmed, and the space of the confirmation: a grid of their parameters."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from training.suite_names import SuiteName
from tuner.confirm.presentation import Use, presentation_of
from tuner.errors import UsageError
from tuner.ledger import Outcome, TrialRecord
from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.selection import choose
from tuner.report.analysis.wish import Wish
from tuner.space import Space, space_from_mapping

# A confirmation also trains on the validation images, so that accuracies on them say nothing: a few images suffice.
_VALIDATION_IMAGES = 100


@dataclass(frozen=True)
class Choice:
    """Which trials are confirmed, and how: `trials`, or those of the front that meet the `wish`, by default all.

    `attacks` take the place of the suite if there are any; `norm` and `epsilon` are by default those of the search, and
    so is `select`, the epoch that is measured: `last`, or `best` and the last one beside it.
    """

    trials: Sequence[int] = ()
    wish: Wish = field(default_factory=Wish)
    seeds: int = 3
    suite: SuiteName = SuiteName.STANDARD
    images: int = 0
    retrain: bool = True
    attacks: Sequence[str] = ()
    epsilon: float | None = None
    norm: str | None = None
    select: str | None = None


def choose_trials(trials: Sequence[TrialRecord], data: FrontData, choice: Choice) -> list[TrialRecord]:
    """Return the trials to confirm, those of the front sorted by the first objective, the best first.

    Raise UsageError if there is no such trial, or if it has not completed.
    """
    by_number = {trial.number: trial for trial in trials}
    if choice.trials:
        for number in choice.trials:
            trial = by_number.get(number)
            if trial is None or trial.outcome is not Outcome.COMPLETED:
                state = "does not exist" if trial is None else f"is {trial.outcome.value}"
                raise UsageError(f"Trial {number} of {data.search} {state}: name completed trials.", number)
        return [by_number[number] for number in dict.fromkeys(choice.trials)]
    if not data.points:
        raise UsageError(f"No trial of {data.search} has completed yet: resume the search first.", data.search)
    selection = choose(data, choice.wish)
    if not selection.trials:
        raise UsageError(" ".join(selection.reasons), choice.wish)
    return [by_number[point.number] for point in selection.trials]


def confirmation_space(
    source: Space, search: str, search_id: str, chosen: Sequence[TrialRecord], choice: Choice
) -> Space:
    """Return the space of a confirmation of `search`: a grid of the chosen points, each with several seeds.

    The trials are trained again on training and validation images for the whole budget, with seeds that the search did
    not use. With `select: best` the validation images choose the epoch, and are not trained on. Without
    `choice.retrain` each trial is a point of its own, with the seed that it was trained with. Raise ConfirmationError
    if the search `search` is a confirmation itself, and UsageError if its own weights are of another epoch than asked.
    """
    presentation_of(source).require(Use.CONFIRMATION, search)
    unique = _unique(chosen, with_seed=not choice.retrain)
    mapping = source.model_dump(mode="json")
    kept = source.shared("select")
    select = choice.select or kept
    if not choice.retrain and select != kept:
        raise UsageError(
            f"--select is {select}, but {search} has select: {kept}, and --no-retrain measures what its trials kept: "
            "leave out --select, or --no-retrain.",
            "--select",
        )
    setting = _with_training(mapping, select) if choice.retrain else _without_training(mapping, unique)
    trial, parameters, seed = setting
    search_part = {
        "sampler": "grid",
        "points": [{n: record.parameters[n] for n in parameters if n in record.parameters} for record in unique],
        "seed": seed,
        "seeds": choice.seeds if choice.retrain else 1,
        "max_failures": source.search.max_failures,
    }
    confirm = {
        "search": search,
        "search_id": search_id,
        "trials": [trial.number for trial in unique],
        "suite": choice.suite,
        "attacks": list(choice.attacks),
        "norm": choice.norm,
        "epsilon": choice.epsilon,
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
    """The fixed settings of a confirmation, its parameters, and the first of its seeds."""

    trial: dict[str, Any]
    parameters: dict[str, Any]
    seed: int


def _with_training(source: dict[str, Any], select: str) -> _Setting:
    """Train with seeds above all seeds of the search, also on validation images unless these choose the epoch."""
    trial = {name: value for name, value in source["trial"].items() if name not in {"seed", "select"}}
    if select == "best":
        trial.pop("eval_early_attack_steps", None)  # one attack for all epochs, because the best one is chosen
        trial |= {"select": select}
    else:
        trial |= {"train_on": "train_and_validation", "eval_images": _VALIDATION_IMAGES}
    parameters = {name: value for name, value in source["parameters"].items() if name != "seed"}
    first_unused = source["trial"].get("seed", source["search"]["seed"]) + source["search"]["seeds"]
    return _Setting(trial, parameters, first_unused)


def _without_training(source: dict[str, Any], chosen: Sequence[TrialRecord]) -> _Setting:
    """Keep the settings of the search; the seeds of a grid become a parameter like the others."""
    parameters = dict(source["parameters"])
    if any("seed" in trial.parameters for trial in chosen) and "seed" not in parameters:
        parameters["seed"] = {"type": "int", "low": 0, "high": 2**31 - 1}
    return _Setting(dict(source["trial"]), parameters, source["search"]["seed"])


def _unique(chosen: Sequence[TrialRecord], *, with_seed: bool) -> list[TrialRecord]:
    """Keep the first of several trials with the same parameters; `with_seed` says whether the seed counts as one."""
    kept: dict[str, TrialRecord] = {}
    for trial in chosen:
        point = {name: value for name, value in trial.parameters.items() if with_seed or name != "seed"}
        kept.setdefault(repr(sorted(point.items())), trial)
    return list(kept.values())


def _checkpoint(search: str, trial: TrialRecord) -> str:
    checkpoint = trial.reports[-1].checkpoint  # an older one has other weights than those that were measured
    if checkpoint is None:
        raise UsageError(
            f"Trial {trial.number} of {search} has no checkpoint to measure: leave out --no-retrain.", trial.number
        )
    return f"{search}/{checkpoint}"
