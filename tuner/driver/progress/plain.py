"""A display that prints one line for each event, for logs and pipes."""

from contextlib import AbstractContextManager

from rich.console import Console

from tuner.ledger import Decision, Outcome, TrialRecord, latest
from tuner.report.text import format_value, last_line, metric_with_unit
from tuner.report.time_left import Clock, left_in_words
from tuner.search import Assignment, Listener, Search


class Progress(Listener, AbstractContextManager["Progress"]):
    """A display: a listener of the search that works inside a `with` block."""

    def __exit__(self, *error: object) -> None:
        """End the display."""

    def on_retry(self, number: int, error: str) -> None:
        """Show that a trial crashed and starts again from its last checkpoint."""


class PlainProgress(Progress):
    """Prints a line when a trial starts, passes a rung or ends; with `every_epoch` also after each epoch."""

    def __init__(
        self, search: Search, console: Console, *, every_epoch: bool = False, time_budget_seconds: float | None = None
    ) -> None:
        self._search = search
        self._console = console
        self._every_epoch = every_epoch
        self._clock = Clock(search.trials, budget_seconds=time_budget_seconds)

    def on_started(self, assignment: Assignment) -> None:
        """Print the parameters of the trial, and the epoch after which an interrupted one continues."""
        parameters = "  ".join(f"{k}={format_value(v)}" for k, v in assignment.parameters.items())
        origin = f" continues after epoch {assignment.epoch}" if assignment.epoch else ""
        self._line(f"trial {assignment.number}{origin}: {parameters}")

    def on_report(self, trial: TrialRecord) -> None:
        """Print the accuracies at a rung, or at each epoch."""
        report = trial.reports[-1]
        continues = report.rung and report.decision is Decision.CONTINUE
        if self._every_epoch or continues:
            word = "passed the rung at" if continues else "finished"
            measured = any(name in report.metrics for name in self._search.space.objectives)
            what = self._metrics(trial) if measured else "not evaluated"
            self._line(f"trial {trial.number} {word} epoch {report.epoch}: {what}")

    def on_ended(self, trial: TrialRecord) -> None:
        """Print how the trial ended, and how far the search is."""
        epochs = trial.epochs_trained
        what = f"{trial.outcome} after epoch {epochs}: {self._metrics(trial)}"
        if trial.outcome is Outcome.FAILED:
            what = f"failed: {last_line(trial.error)}"
        space = self._search.space
        state = self._clock.state(self._search.trials, space.search.trials, space.epochs, space.search.max_epochs)
        left = f", time left: {left_in_words(state.left_seconds, state.ended)}" if state.left_seconds else ""
        self._line(f"trial {trial.number} {what}  [{state.ended}/{state.trials} trials{left}]")

    def on_retry(self, number: int, error: str) -> None:
        """Print that the trial crashed and starts again."""
        self._line(f"trial {number} crashed and starts again from its last checkpoint: {last_line(error)}")

    def _metrics(self, trial: TrialRecord) -> str:
        return ", ".join(
            metric_with_unit(n, latest(trial, n)) for n in {c.name: c for c in self._search.space.criteria}
        )

    def _line(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)
