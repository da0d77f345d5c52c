"""The kills of `benchmarks.chaos` against Ray Tune's own Tuner.restore, OptunaSearch, ASHA and MLflowLoggerCallback.

Run:  python -m benchmarks.chaos.ray_tune [--kills 100] [--searches 8] [--seed 0]
Searches, trainer, victims and signals are those of `benchmarks.chaos` with the same options. Writes
benchmarks/results/chaos_ray_tune.json with hardware, versions, date and command, and prints its figures beside those of
benchmarks/results/chaos.json, if that exists. The benchmark ends whatever Ray Tune does: it gives a search up after
three drivers that did not finish it without any kill, and it drops the remaining kills after twice the planned
searches.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.chaos.checks import Faults
from benchmarks.chaos.plan import Plan, options, working_folder
from benchmarks.chaos.ray_tune_checks import check_events, check_results, check_runs, failures
from benchmarks.chaos.ray_tune_driver import SECONDS_BETWEEN_STATES
from benchmarks.chaos.ray_tune_events import Event, Kind, read_events
from benchmarks.chaos.ray_tune_results import read_results, read_runs
from benchmarks.chaos.under_fire import Attacked, UnderFire
from benchmarks.surroundings import command as command_line
from benchmarks.surroundings import surroundings

_RESULTS = Path(__file__).parents[1] / "results"
# Each figure, and its name in `benchmarks.chaos`; None if there is no such figure.
FIGURES = {
    "kills": "kills",
    "trials": "trials",
    "trials lost": "trials lost",
    "trials forgotten": "trials lost",
    "trials ended twice": "trials ended twice",
    "ended trials trained again": "recorded epochs trained again",
    "proposals repeated": "proposals repeated",
    "recorded epochs trained again": "recorded epochs trained again",
    "epochs begun twice": "epochs begun twice, in flight when killed",
    "epochs begun": None,
    "epochs in the results": "epochs on record",
    "trials without exactly one run": "child runs missing or doubled",
    "runs of forgotten trials": "child runs missing or doubled",
    "runs open for ever": None,
    "values in Ray's results": "values compared with MLflow",
    "values missing in MLflow": "ledger and MLflow differ",
    "values in MLflow that Ray does not have": "ledger and MLflow differ",
    "values more than once in MLflow": "ledger and MLflow differ",
    "restores": None,
    "exceptions in the driver": None,
    "searches": None,
    "searches not finished": "searches not finished",
    "drivers that neither went on nor ended": "drivers that neither went on nor ended",
}


class RayTuneSearch:
    """An experiment of Ray Tune for `UnderFire`; its events tell what is on record."""

    def __init__(self, folder: Path, words: Sequence[str]) -> None:
        self.folder = folder
        self._words = words
        self._file = folder.parent / f"{folder.name}.events"

    @property
    def events(self) -> list[Event]:
        """All events so far."""
        return read_events(self._file)

    def command(self) -> list[str]:
        """Return the command; the driver itself finds out whether there is something to restore."""
        module = "benchmarks.chaos.ray_tune_driver"
        return [sys.executable, "-m", module, str(self.folder), str(self._file), *self._words]

    def epochs_on_record(self) -> int:
        """Count the epochs that were recorded, each once."""
        return len({(event.trial, event.epoch) for event in self.events if event.kind is Kind.RECORDED})

    def remember(self) -> None:
        """Do nothing: the events are kept in order and never change."""


def main() -> None:
    """Run the searches, write the figures and print the table."""
    arguments = options(__doc__)
    started = time.perf_counter()
    with working_folder(arguments.folder) as folder:
        searches, faults, counts, exceptions = _attack(folder, arguments)
    kills = [kill for search in searches for kill in search.kills]
    totals = counts | {
        "kills": len(kills),
        "searches": len(searches),
        "searches not finished": sum(not search.finished for search in searches),
        "drivers that neither went on nor ended": sum(len(search.stuck) for search in searches),
        "exceptions in the driver": exceptions.total(),
    }
    figures = {name: totals.get(name, len(faults.found.get(name, []))) for name in FIGURES}
    found = {
        "figures": figures | {"of": dict(Counter(f"{kill.victim} by {kill.signal}" for kill in kills))},
        "exceptions": dict(exceptions),
        "faults": faults.found,
        "stuck": [line for search in searches for line in search.stuck],
        "minutes": round((time.perf_counter() - started) / 60, 1),
        "TUNE_GLOBAL_CHECKPOINT_S": os.environ.get("TUNE_GLOBAL_CHECKPOINT_S", SECONDS_BETWEEN_STATES),
        "command": command_line("chaos.ray_tune", str(arguments.folder)),
        **surroundings(["torch", "ray", "optuna", "mlflow"]),
    }
    (_RESULTS / "chaos_ray_tune.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    ours = _RESULTS / "chaos.json"
    print(table(figures, json.loads(ours.read_text("utf-8"))["figures"] if ours.exists() else {}))


def _attack(folder: Path, arguments: argparse.Namespace) -> tuple[list[Attacked], Faults, dict[str, int], Counter[str]]:
    faults = Faults()
    counts: Counter[str] = Counter()
    exceptions: Counter[str] = Counter()
    searches: list[Attacked] = []
    plan = Plan(arguments)
    for index in range(2 * arguments.searches):
        if not plan.left:
            break
        turn = plan.turn(index)
        search = RayTuneSearch(folder / f"attacked-{index}", turn.words)
        attacked = UnderFire(search, turn.rng()).run(turn.victims)
        plan.carried_out(len(attacked.kills))
        searches.append(attacked)
        results, events = read_results(search.folder), search.events
        check_results(results, events, arguments.trials, faults)
        counts.update(check_events(events, faults))
        runs = read_runs(f"sqlite:///{folder / 'mlflow.db'}", search.folder.name)
        counts["values in Ray's results"] += check_runs(results, runs, faults)
        counts["trials"] += len(results)
        counts["epochs in the results"] += sum(len(trial.epochs) for trial in results)
        counts["restores"] += sum(event.kind is Kind.RESTORING for event in events)
        exceptions += failures(events)
        kinds = {kind: len(lines) for kind, lines in faults.found.items()}
        print(f"{search.folder.name}: {len(attacked.kills)} kills, {len(results)} trials, {kinds}", flush=True)
    return searches, faults, dict(counts), exceptions


def table(figures: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    """Return the figures beside ours as Markdown, with a dash where `benchmarks.chaos` has no such figure."""
    lines = ["| figure | Ray Tune | tuner |", "|---|---|---|"]
    lines += [f"| {name} | {figures[name]} | {ours.get(same or '', '-')} |" for name, same in FIGURES.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
