"""Tables of a search as text, and the front in markdown."""

from collections.abc import Iterable, Mapping, Sequence

from training.config import is_chance_level
from tuner.ledger.records import Outcome
from tuner.pareto.objectives import within_limits
from tuner.report.analysis.early_attack import early_attack_note
from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.front_points import CompletedTrial, UnfinishedTrial
from tuner.report.analysis.image_noise import format_measured
from tuner.report.analysis.noise_notes import ALIKE_MARK, alike_neighbours, noise_notes
from tuner.report.analysis.progress_curves import thin_out
from tuner.report.text import TextTable, count_of, format_metric, format_value, format_volume, metric_heading

EPOCHS, BEST_EPOCH_HEADING, AT_EPOCH_HEADING, TRAININGS = "Epochs", "Best epoch", "At epoch", "Trainings"
KNEE_MARK = "◆ knee"
_BEYOND_MARK = "✗ beyond limit"
# MLflow refuses a description of more than 8,000 characters; the rest of it is the caller's.
MARKDOWN_LIMIT = 6500


def parameter_names(trials: Iterable[CompletedTrial | UnfinishedTrial]) -> list[str]:
    """Return the parameters of some trials, each once, in the order of their first appearance."""
    return list(dict.fromkeys(name for trial in trials for name in trial.parameters))


def front_text_table(data: FrontData, trials: Sequence[CompletedTrial] | None = None) -> TextTable:
    """Return the Pareto front as a table, or the given `trials`: the best in the first objective first.

    The knee is marked, and so are trials beyond the limits and, on the front, neighbours that noise can hide.
    With `select: best` there are columns for the chosen epoch and the metrics of the last one, with `candidates:
    every_evaluation` one for the epoch that a point is of, and with repeats one for the trainings of a mean.
    """
    shown = data.front if trials is None else trials
    names = parameter_names(shown)
    beside = last_headings(data)
    at = [AT_EPOCH_HEADING] if data.every_epoch else []
    again = [TRAININGS] if any(point.repeats for point in shown) else []
    headings = ["Trial", *at, *map(metric_heading, data.metric_names), *beside, *again, *names, EPOCHS, ""]
    alike = alike_neighbours(data) if trials is None else {}
    rows = [
        [
            str(point.number),
            *([str(point.trained)] if at else []),
            *_accuracies(point.metrics, data),
            *_of_both_epochs(point, data),
            *([str(point.trainings)] if again else []),
            *_setting(point, names),
            _marks(point, data, alike),
        ]
        for point in shown
    ]
    return TextTable(headings, rows)


def last_headings(data: FrontData) -> list[str]:
    """Return the headings of the chosen epoch and of what the last epoch measured; none with `select: last`."""
    if all(point.best_epoch is None for point in data.points):
        return []
    return [BEST_EPOCH_HEADING, *(f"Last {metric_heading(name)}" for name in data.metric_names)]


def _of_both_epochs(point: CompletedTrial, data: FrontData) -> list[str]:
    if not last_headings(data):
        return []
    return [format_value(point.best_epoch), *_accuracies(point.last, data)]


def trials_text_table(data: FrontData, *, ranked: bool = True) -> TextTable:
    """Return every trial by number as a table. An uncompleted trial has the metrics of its last report.

    Without `ranked`, completed trials are called `completed`, not `front` or `dominated`. With `candidates:
    every_evaluation` the state names the epochs that are on the front.
    """
    trials: list[CompletedTrial | UnfinishedTrial] = [*data.points, *data.repeats, *data.unfinished]
    trials.sort(key=lambda trial: trial.number)
    names = parameter_names(trials)
    headings = ["Trial", "State", *map(metric_heading, data.metric_names), *names, EPOCHS]
    rows = [
        [str(t.number), _state(t, data, ranked=ranked), *_accuracies(t.metrics, data), *_setting(t, names)]
        for t in trials
    ]
    return TextTable(headings, rows)


def front_markdown(data: FrontData, links: Mapping[int, str] | None = None) -> str:
    """Return the Pareto front in markdown, for the description of the search in MLflow; `links` lead to its trials.

    If the front is too long for a description, rows at even distances are kept, with both ends, and the text says so.
    """
    text_table = front_text_table(data)
    if not text_table.rows:
        return f"{summary(data)}\n"
    links = links or {}
    rows = [[_linked(p.number, links), *row[1:]] for p, row in zip(data.front, text_table.rows, strict=True)]
    lines = [_markdown_line(row) for row in rows]
    kept = thin_out(lines, max(2, MARKDOWN_LIMIT // (max(map(len, lines)) + 1)))
    head = [_markdown_line(text_table.headings), "|" + "---:|" * len(text_table.headings)]
    omitted = len(lines) - len(kept)
    note = [f"\n{omitted} more trials of the front are in `front.csv`."] if omitted else []
    exactness = ["", " ".join(noise_notes(data))] if noise_notes(data) else []
    return "\n".join([summary(data), "", *head, *kept, *note, *exactness, ""])


def count_trials(data: FrontData) -> str:
    """Return how many trials are in each state, in words."""
    counted = ", ".join(f"{count} {outcome}" for outcome, count in data.counts.items() if count)
    return f"Trials: {counted or 'none yet'}."


def summary(data: FrontData) -> str:
    """Return a summary of a search in one line: trials by state, size of the front, hypervolume."""
    trials = count_trials(data)
    if not data.candidates:
        return " ".join([f"{trials} No trial has final values yet, so there is no front.", *early_attack_note(data)])
    size = f"{len(data.front)} of {len(data.points)} completed trials"
    if data.every_epoch:
        size = f"{len(data.front)} epochs of {count_of(len({point.number for point in data.front}), 'trial')}"
    reference = ", ".join(format_metric(name, value) for name, value in data.reference.items())
    return (
        f"{trials} Front: {size}. "
        f"Hypervolume {format_volume(data.hypervolume)} (reference point {reference}).{_notes(data)}"
    )


def _notes(data: FrontData) -> str:
    """Return sentences about a front that is empty, that the hypervolume cannot measure, or that learned nothing."""
    beyond = sum(not within_limits(point.metrics, data.constraints) for point in data.candidates)
    what = (
        "Trials without an epoch within the constraints"
        if data.every_epoch
        else "Completed trials beyond the constraints"
    )
    notes = [f" {what}: {beyond}."] if beyond else []
    if data.front and data.hypervolume == 0:
        notes.append(" It is 0 because no trial of the front is better than the reference point in every objective.")
    return "".join(notes) + _chance_note(data) + "".join(f" {note}" for note in early_attack_note(data))


def _chance_note(data: FrontData) -> str:
    """Return a sentence if no trial of the front has learned to tell the classes apart."""
    natural = [point.metrics["natural_accuracy"] for point in data.front if "natural_accuracy" in point.metrics]
    if not natural or data.classes is None or not is_chance_level(max(natural), data.classes):
        return ""
    return " Every trial of the front is near the chance level: train longer, or on more images."


def _accuracies(metrics: Mapping[str, float], data: FrontData) -> list[str]:
    return [format_measured(name, metrics.get(name), data.validation_images) for name in data.metric_names]


def _setting(trial: CompletedTrial | UnfinishedTrial, parameters: Sequence[str]) -> list[str]:
    return [*(format_value(trial.parameters.get(name)) for name in parameters), str(trial.epochs)]


def _marks(point: CompletedTrial, data: FrontData, alike: Mapping[str, str]) -> str:
    marks = [KNEE_MARK] if data.is_knee(point) else []
    if not within_limits(point.metrics, data.criteria):
        marks.append(_BEYOND_MARK)
    if point.label in alike:
        marks.append(f"{ALIKE_MARK} {alike[point.label]}")
    return " ".join(marks)


def _state(trial: CompletedTrial | UnfinishedTrial, data: FrontData, *, ranked: bool) -> str:
    if ranked and data.every_epoch:
        return _state_of_epochs(trial, data)
    if isinstance(trial, CompletedTrial):
        if not ranked:
            return Outcome.COMPLETED.value
        if trial.repeat_of is not None:
            return f"repeats {trial.repeat_of}"
        beyond = "" if within_limits(trial.metrics, data.criteria) else f" {_BEYOND_MARK}"
        return ("front" if trial.on_front else "dominated") + beyond
    return "no final value" if trial.outcome is Outcome.COMPLETED else trial.outcome.value


def _state_of_epochs(trial: CompletedTrial | UnfinishedTrial, data: FrontData) -> str:
    """Return how a trial ended, and which of its epochs are on the front; first the front, as for final values."""
    outcome = Outcome.COMPLETED if isinstance(trial, CompletedTrial) else trial.outcome
    epochs = data.front_epochs.get(trial.number)
    if not epochs:
        return outcome.value
    return f"front: epoch{'s' if len(epochs) > 1 else ''} {', '.join(map(str, epochs))} ({outcome.value})"


def _linked(number: int, links: Mapping[int, str]) -> str:
    return f"[{number}]({links[number]})" if number in links else str(number)


def _markdown_line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
