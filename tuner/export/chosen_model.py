"""The model of a trial that a user names, with where it comes from."""

from dataclasses import dataclass
from pathlib import Path

from tuner.errors import UsageError
from tuner.export.model_files import Origin
from tuner.export.trial_model import TrainedModel, find_trial, load_trained_model
from tuner.ledger import Outcome
from tuner.report.analysis.front_rows import has_ended
from tuner.report.analysis.selection import standing
from tuner.report.load import best_confirmed, load_search
from tuner.report.text import count_of, metric_with_unit
from tuner.runs.find import find_search
from tuner.runs.mirror import runs_flag


@dataclass(frozen=True)
class ChosenModel:
    """The model of a trial, where it comes from, and how a completed trial stands to the front."""

    model: TrainedModel
    origin: Origin
    standing: str | None

    @property
    def headline(self) -> str:
        """Say which trial it is, how accurate it is, and whether another one is better in every objective."""
        trial = self.origin.trial
        metrics = ", ".join(metric_with_unit(name, value) for name, value in self.origin.metrics.items())
        ended = f"{trial.outcome.value} after {count_of(trial.epochs_trained, 'epoch')}"
        if self.model.epoch != trial.epochs_trained:
            ended += f", weights of epoch {self.model.epoch}"
        text = f"Trial {trial.number} of {self.origin.search}, {ended}: {metrics} on the validation split"
        text = f"{text}; {self.standing}." if self.standing else f"{text}."
        if trial.outcome is Outcome.STOPPED and self.standing is None:
            return f"{text} It was stopped early, so this model is not trained to the end."
        return text


def load_model(
    name: str,
    number: int,
    runs_dir: Path,
    ledger: str | None,
    data_root: Path | None,
    *,
    must_be_completed: bool = False,
    epoch: int | None = None,
) -> ChosenModel:
    """Load the model of a trial, or that of one of its epochs; raise UsageError if that is not possible.

    With `must_be_completed` the trial must have completed, or else the search must take the epoch for a point of the
    front.
    """
    folder = find_search(runs_dir, name)
    search = load_search(runs_dir, name, ledger)
    record = find_trial(search.trials, number, folder)
    is_point = search.space.every_epoch and epoch is not None and has_ended(record)
    if must_be_completed and record.outcome != "completed" and not is_point:
        raise UsageError(
            f"Trial {number} is {record.outcome.value} after {count_of(record.epochs_trained, 'epoch')}; register a "
            f"completed one. `tuner export {name} {number}{runs_flag(runs_dir)} --out DIR` writes the weights of any.",
            number,
        )
    model = load_trained_model(folder, search.space, record, data_root, epoch)
    search_id = str(folder.frozen()["search_id"])
    at = record.epochs_trained if epoch is None and search.space.every_epoch else epoch
    confirmed = best_confirmed(search.data.confirmed, number, at if search.space.every_epoch else None)
    origin = Origin.of(name, search_id, search.space, record, confirmed, epoch=at)
    points = (point for point in search.data.candidates if point.number == number)
    point = next((point for point in points if point.epoch in {None, at}), None)
    return ChosenModel(model, origin, None if point is None else standing(search.data, point))
