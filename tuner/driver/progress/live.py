"""A display on a terminal that follows the search: trials by state, epochs trained, time left, the present front."""

from dataclasses import replace
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tuner.confirm.presentation import presentation_of
from tuner.driver.progress.plain import PlainProgress, Progress
from tuner.ledger import Outcome, TrialRecord, latest
from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.progress_curves import thin_out
from tuner.report.analysis.text_tables import KNEE_MARK, front_text_table
from tuner.report.console.rich_table import drop_columns, rich_table
from tuner.report.load import front_of
from tuner.report.text import TextTable, format_metric, format_value, format_volume, metric_heading
from tuner.report.time_left import Clock, in_words, left_in_words
from tuner.search import Assignment, Search

_MOST_FRONT_ROWS = 12
# The lines around a front: four of state, the headings of both tables, a title, a caption, and one trial that starts.
_OTHER_LINES = 10


class LiveProgress(Progress):
    """Redraws itself twice a second inside a `with` block."""

    def __init__(
        self,
        search: Search,
        console: Console,
        name: str,
        *,
        time_budget_seconds: float | None = None,
        validation_images: int | None = None,
    ) -> None:
        """`validation_images` is the number of those by which trials are compared, if it is known."""
        self._search = search
        self._name = name
        self._validation_images = validation_images
        self._console = console
        self._epochs_before = sum(trial.epochs_trained for trial in search.trials)
        self._clock = Clock(search.trials, budget_seconds=time_budget_seconds)
        self._alive: set[int] = set()
        self._front: RenderableType = Text("")
        self._lines = PlainProgress(search, console)
        self._live = Live(console=console, get_renderable=self._render, refresh_per_second=2, transient=True)
        self._draw_front()

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def on_started(self, assignment: Assignment) -> None:
        """Add the trial to the table of running trials."""
        self._alive.add(assignment.number)

    def on_ended(self, trial: TrialRecord) -> None:
        """Remove the trial from the running ones; print a failure, and draw the front again if it may have changed."""
        self._alive.discard(trial.number)
        if trial.outcome is Outcome.FAILED:
            self._lines.on_ended(trial)
        if trial.outcome is Outcome.COMPLETED or self._search.space.every_epoch:
            self._draw_front()

    def on_retry(self, number: int, error: str) -> None:
        """Print a line above the table."""
        self._lines.on_retry(number, error)

    def _draw_front(self) -> None:
        space = self._search.space
        if not presentation_of(space).has_front:
            return
        data = front_of(self._name, space, self._search.trials)
        data = replace(data, validation_images=self._validation_images)
        nothing = "No front yet: no trial has completed" + (" within the constraints." if data.candidates else ".")
        self._front = self._front_table(data) if data.front else Text(nothing)

    def _front_table(self, data: FrontData) -> RenderableType:
        """Return the front as a table. If the terminal is too short, show an even selection that keeps both ends."""
        lines = self._console.height - _OTHER_LINES - len(self._alive)
        shown = thin_out(data.front, max(2, min(_MOST_FRONT_ROWS, lines)))
        hidden = len(data.front) - len(shown)
        # The usual caption counts trials, and these counts would be out of date before the front is drawn again.
        caption = f"Hypervolume {format_volume(data.hypervolume)}" + (f"; {hidden} more on the front" if hidden else "")
        kept = 1 + data.every_epoch + len(data.metric_names)
        text_table = drop_columns(front_text_table(data, shown), self._console.width, kept=kept)
        return rich_table(f"Pareto front of {data.search}", caption, text_table, emphasised=KNEE_MARK)

    def _render(self) -> RenderableType:
        trials = self._search.trials
        space = self._search.space
        state = self._clock.state(trials, space.search.trials, space.epochs, space.search.max_epochs)
        left = left_in_words(state.left_seconds, state.ended)
        counts = ", ".join(f"{n} {o}" for o in Outcome if (n := sum(t.outcome is o for t in trials)))
        done = f"{state.ended}/{state.trials} trials"
        bar = ProgressBar(
            total=state.trials, completed=state.ended, width=max(5, min(30, self._console.width - len(done) - 40))
        )
        head = Table.grid(padding=(0, 1))
        head.add_row(_line(self._name), done, bar)
        return Group(
            head,
            _line(f"{in_words(state.elapsed_seconds)} so far, time left: {left}"),
            _line(counts or "no trial yet"),
            _line(self._waits_for(state.epochs) or f"{state.epochs} epochs trained of at most {state.most_epochs}"),
            self._running(trials),
            self._front,
        )

    def _waits_for(self, epochs: int) -> str:
        """Return what the search waits for before this driver's first report; "" after it."""
        if epochs != self._epochs_before:
            return ""
        if not self._alive:
            return "Waits for Ray to start the first trial …"
        what = "1 trial that starts" if len(self._alive) == 1 else f"{len(self._alive)} trials that start"
        return f"Waits for the first epoch of {what}: processes, libraries, data, training …"

    def _running(self, trials: list[TrialRecord]) -> Table:
        names = list(dict.fromkeys(criterion.name for criterion in self._search.space.criteria))
        parameters = list(self._search.space.parameters)
        rows = [
            [
                str(trial.number),
                f"{trial.epochs_trained}/{self._search.end_of(trial.parameters)}",
                *(format_metric(name, latest(trial, name)) for name in names),
                *(format_value(trial.parameters.get(name)) for name in parameters),
                "",
            ]
            for trial in trials
            if trial.number in self._alive
        ]
        text_table = TextTable(["Running", "Epoch", *map(metric_heading, names), *parameters, ""], rows)
        fitted = drop_columns(text_table, self._console.width, kept=2 + len(names))
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
        for heading in fitted.headings:
            table.add_column(_line(heading), justify="right", no_wrap=True)
        for row in fitted.rows:
            table.add_row(*map(_line, row))
        return table


def _line(text: str) -> Text:
    """Return text that is cut where the terminal ends: Rich's live display cannot follow lines that wrap."""
    return Text(text, no_wrap=True, overflow="ellipsis")
