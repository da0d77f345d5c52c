"""Which trials of a search are confirmed, and the space of the confirmation: a grid of their parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from training.suite_names import SuiteName
from tuner.confirm.presentation import Use, presentation_of
from tuner.errors import UsageError
from tuner.ledger import Outcome, TrialRecord
from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.front_rows import has_ended
from tuner.report.analysis.kept_checkpoints import checkpoint_of_epoch
from tuner.report.analysis.selection import choose
from tuner.report.analysis.wish import Wish
from tuner.space import STOP_AFTER, Space, space_from_mapping

# A confirmation also trains on the validation images, so that accuracies on them say nothing: a few images suffice.
_VALIDATION_IMAGES = 100


@dataclass(frozen=True)
class Choice:
    """Which trials are confirmed, and how: `trials`, or those of the front that meet the `wish`, by default all.

    `epoch` is that of the only one of `trials`, in a search in which every evaluated epoch may be a point of the front.

    `attacks` take the place of the suite if there are any; `norm` and `epsilon` are by default those of the search, and
    so is `select`, the epoch that is measured: `last`, or `best` and the last one beside it.
    """

    trials: Sequence[int] = ()
    epoch: int | None = None
    wish: Wish = field(default_factory=Wish)
    seeds: int = 3
    suite: SuiteName = SuiteName.STANDARD
    images: int = 0
    retrain: bool = True
    attacks: Sequence[str] = ()
    epsilon: float | None = None
    norm: str | None = None
    select: str | None = None


class Chosen(NamedTuple):
    """A trial to confirm, and the epoch after which it is measured; None for its end."""

    trial: TrialRecord
    epoch: int | None = None


def choose_trials(trials: Sequence[TrialRecord], data: FrontData, choice: Choice) -> list[Chosen]:
    """Return the trials to confirm, those of the front sorted by the first objective, the best first.

    With `candidates: every_evaluation` these are epochs of trials; a trial that is named without one stands for its
    last one. Raise UsageError if there is no such trial or epoch, or if the trial has not completed.
    """
    by_number = {trial.number: trial for trial in trials}
    if choice.epoch is not None:
        return [_chosen_epoch(by_number, data, choice)]
    if choice.trials:
        for number in choice.trials:
            trial = by_number.get(number)
            if trial is None or trial.outcome is not Outcome.COMPLETED:
                state = "does not exist" if trial is None else f"is {trial.outcome.value}"
                raise UsageError(f"Trial {number} of {data.search} {state}: name completed trials.", number)
        named = [by_number[number] for number in dict.fromkeys(choice.trials)]
        return [Chosen(trial, trial.epochs_trained if data.every_epoch else None) for trial in named]
    if not data.candidates:
        raise UsageError(f"No trial of {data.search} has completed yet: resume the search first.", data.search)
    selection = choose(data, choice.wish)
    if not selection.trials:
        raise UsageError(" ".join(selection.reasons), choice.wish)
    return [Chosen(by_number[point.number], point.epoch) for point in selection.trials]


def _chosen_epoch(by_number: Mapping[int, TrialRecord], data: FrontData, choice: Choice) -> Chosen:
    if not data.every_epoch:
        way = "leave it out, or confirm a search with search.candidates: every_evaluation"
        raise UsageError(f"--epoch {choice.epoch}: {data.search} has no epochs on its front; {way}.", "--epoch")
    if len(choice.trials) != 1:
        raise UsageError(f"--epoch {choice.epoch} is that of one trial: name it with --trial.", ("--epoch", "--trial"))
    (number,) = choice.trials
    trial = by_number.get(number)
    if trial is None or not has_ended(trial):
        state = "does not exist" if trial is None else f"is {trial.outcome.value}"
        raise UsageError(f"Trial {number} of {data.search} {state}: name one that has ended.", number)
    names = {objective.name for objective in data.objectives}
    evaluated = [report.epoch for report in trial.reports if report.metrics.keys() >= names]
    if choice.epoch not in evaluated:
        known = f"these are on record: {', '.join(map(str, evaluated))}" if evaluated else "it has none on record"
        raise UsageError(f"--epoch {choice.epoch} is no evaluated epoch of trial {number}; {known}.", "--epoch")
    return Chosen(trial, choice.epoch)


def confirmation_space(source: Space, search: str, search_id: str, chosen: Sequence[Chosen], choice: Choice) -> Space:
    """Return the space of a confirmation of `search`: a grid of the chosen points, each with several seeds.

    The trials are trained again on training and validation images for the whole budget, with seeds that the search did
    not use. With `select: best` the validation images choose the epoch, and are not trained on. Without
    `choice.retrain` each trial is a point of its own, with the seed that it was trained with. An epoch of a trial is a
    point that ends after this epoch, on the schedules of the whole budget. Raise ConfirmationError
    if the search `search` is a confirmation itself, and UsageError if its own weights are of another epoch than asked.
    """
    presentation_of(source).require(Use.CONFIRMATION, search)
    unique = _unique(chosen, with_seed=not choice.retrain)
    mapping = source.model_dump(mode="json")
    kept = source.shared("select")
    select = choice.select or kept
    if select == "best" and source.every_epoch:
        raise UsageError(
            f"--select is best, but the points of {search} are epochs themselves: leave out --select.", "--select"
        )
    if not choice.retrain and select != kept:
        raise UsageError(
            f"--select is {select}, but {search} has select: {kept}, and --no-retrain measures what its trials kept: "
            "leave out --select, or --no-retrain.",
            "--select",
        )
    first_unused = source.first_unused_seed
    setting = _with_training(mapping, select, first_unused) if choice.retrain else _without_training(mapping, unique)
    trial, parameters, seed = setting
    if source.every_epoch:
        parameters[STOP_AFTER] = {"type": "int", "low": 1, "high": max(2, source.epochs)}
    search_part = {
        "sampler": "grid",
        "points": [_point(one, parameters) for one in unique],
        "seed": seed,
        "seeds": choice.seeds if choice.retrain else 1,
        "max_failures": source.search.max_failures,
    }
    confirm = {
        "search": search,
        "search_id": search_id,
        "trials": [one.trial.number for one in unique],
        "suite": choice.suite,
        "attacks": list(choice.attacks),
        "norm": choice.norm,
        "epsilon": choice.epsilon,
        "images": choice.images,
        "retrain": choice.retrain,
        "checkpoints": [] if choice.retrain else [_checkpoint(search, one, source) for one in unique],
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


def _with_training(source: dict[str, Any], select: str, seed: int) -> _Setting:
    """Train from `seed` on, above all seeds of the search, also on validation images unless these choose the epoch."""
    trial = {name: value for name, value in source["trial"].items() if name not in {"seed", "select"}}
    if select == "best":
        trial.pop("eval_early_attack_steps", None)  # one attack for all epochs, because the best one is chosen
        trial |= {"select": select}
    else:
        trial |= {"train_on": "train_and_validation", "eval_images": _VALIDATION_IMAGES}
    parameters = {name: value for name, value in source["parameters"].items() if name != "seed"}
    return _Setting(trial, parameters, seed)


def _without_training(source: dict[str, Any], chosen: Sequence[Chosen]) -> _Setting:
    """Keep the settings of the search; the seeds of a grid become a parameter like the others."""
    parameters = dict(source["parameters"])
    if any("seed" in one.trial.parameters for one in chosen) and "seed" not in parameters:
        parameters["seed"] = {"type": "int", "low": 0, "high": 2**31 - 1}
    return _Setting(dict(source["trial"]), parameters, source["search"]["seed"])


def _unique(chosen: Sequence[Chosen], *, with_seed: bool) -> list[Chosen]:
    """Keep the first of several with the same parameters and epoch; `with_seed` says whether the seed counts as one."""
    kept: dict[str, Chosen] = {}
    for one in chosen:
        point = {name: value for name, value in one.trial.parameters.items() if with_seed or name != "seed"}
        kept.setdefault(repr((sorted(point.items()), one.epoch)), one)
    return list(kept.values())


def _point(one: Chosen, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the point of the grid for a trial or an epoch of it."""
    known = {**one.trial.parameters, **({} if one.epoch is None else {STOP_AFTER: one.epoch})}
    return {name: known[name] for name in parameters if name in known}


def _checkpoint(search: str, one: Chosen, source: Space) -> str:
    trial = one.trial
    if one.epoch is not None:
        return f"{search}/{checkpoint_of_epoch(trial, one.epoch, source)}"
    checkpoint = trial.reports[-1].checkpoint  # an older one has other weights than those that were measured
    if checkpoint is None:
        raise UsageError(
            f"Trial {trial.number} of {search} has no checkpoint to measure: leave out --no-retrain.", trial.number
        )
    return f"{search}/{checkpoint}"
