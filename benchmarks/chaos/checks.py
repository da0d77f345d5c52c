"""What must be true of a search after repeated kills: pure comparisons of what was read from it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tuner.ledger import Outcome, SqlLedger, TrialRecord, default_ledger_url
from tuner.ledger.stored_trial import ENDED_ELSEWHERE
from tuner.tracking.layout import metric_name

# The metric that no two trainings share.
_TIME = "seconds"


@dataclass(frozen=True)
class Snapshot:
    """A search at the moment of a kill: its trials on record, and how many epochs had been begun."""

    trials: Sequence[TrialRecord]
    begun: int


@dataclass
class Faults:
    """What went wrong: a list of descriptions for each kind of fault."""

    found: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, what: str) -> None:
        """Note one fault."""
        self.found.setdefault(kind, []).append(what)


def read_trials(folder: Path) -> list[TrialRecord]:
    """Read all trials of a search's ledger, with their reports."""
    ledger = SqlLedger.open(default_ledger_url(folder), folder.name)
    try:
        return [replace(trial, reports=tuple(trial.reports)) for trial in ledger.load()]
    finally:
        ledger.close()


def check_record(final: Sequence[TrialRecord], snapshots: Sequence[Snapshot], planned: int, faults: Faults) -> None:
    """Compare the last state with all earlier ones: nothing on record may change, and every trial ends once."""
    # The numbers need not follow one another: trials that other programs add have numbers, too.
    if len({trial.number for trial in final}) != planned:
        faults.add("trials lost", f"{len(final)} of {planned} trials are on record")
    for trial in final:
        ended_by_client = (trial.error or "").startswith(ENDED_ELSEWHERE)
        if trial.outcome is Outcome.RUNNING or (trial.outcome is Outcome.FAILED and not ended_by_client):
            faults.add("trials lost", f"trial {trial.number} is {trial.outcome}")
        if [report.epoch for report in trial.reports] != list(range(1, trial.epochs_trained + 1)):
            faults.add("trials lost", f"trial {trial.number} misses epochs")
    points = Counter(tuple(sorted(trial.parameters.items())) for trial in final)
    for point, count in points.items():
        if count > 1:
            faults.add("proposals repeated", f"{dict(point)} {count} times")
    at_the_end = {trial.number: trial for trial in final}
    for snapshot in snapshots:
        for before in snapshot.trials:
            if before.number in at_the_end:
                _check_kept(before, at_the_end[before.number], faults)
            else:
                faults.add("trials lost", f"trial {before.number} was on record and is not any more")


def _check_kept(before: TrialRecord, after: TrialRecord, faults: Faults) -> None:
    if before.parameters != after.parameters:
        faults.add("proposals repeated", f"trial {before.number} was proposed again")
    ended = before.outcome is not Outcome.RUNNING
    if ended and (before.outcome, before.ended) != (after.outcome, after.ended):
        faults.add("trials ended twice", f"trial {before.number} was {before.outcome}, is {after.outcome}")
    kept = [(r.epoch, r.metrics, r.rung, r.decision) for r in after.reports][: len(before.reports)]
    if kept != [(r.epoch, r.metrics, r.rung, r.decision) for r in before.reports]:
        faults.add("records changed", f"reports of trial {before.number}")


def epochs_begun(file: Path) -> list[tuple[int, int]]:
    """Read which epochs began, as pairs of trial and epoch, in order."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [(int(number), int(epoch)) for number, epoch in map(str.split, lines)]


def check_epochs(begun: Sequence[tuple[int, int]], snapshots: Sequence[Snapshot], faults: Faults) -> int:
    """Count the epochs that began more than once; it is a fault if one was on record when it began again."""
    for snapshot in snapshots:
        on_record = {trial.number: trial.epochs_trained for trial in snapshot.trials}
        for number, epoch in begun[snapshot.begun :]:
            if epoch <= on_record.get(number, 0):
                faults.add("recorded epochs trained again", f"trial {number}, epoch {epoch}")
    return len(begun) - len(set(begun))


def essence(trials: Sequence[TrialRecord]) -> list[Any]:
    """Return the part of the trials that is equal, to the last bit, in two searches with one worker and one seed."""
    return [
        (
            trial.number,
            trial.parameters,
            trial.outcome,
            [(r.epoch, r.rung, r.decision, {k: v for k, v in r.metrics.items() if k != _TIME}) for r in trial.reports],
        )
        for trial in trials
    ]


def check_mlflow(uri: str, search: str, trials: Sequence[TrialRecord], faults: Faults) -> int:
    """Compare MLflow with the ledger, value by value; return the number of values compared."""
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    experiments = [e.experiment_id for e in client.search_experiments()]
    runs = client.search_runs(experiments, f"tags.`tuner.search` = '{search}'", max_results=1000)
    children: dict[int, list[Any]] = {}
    for run in runs:
        if "tuner.trial" in run.data.tags:
            children.setdefault(int(run.data.tags["tuner.trial"]), []).append(run)
    if len(runs) - sum(map(len, children.values())) != 1:
        faults.add("child runs missing or doubled", f"{search} has not one parent run")
    values = 0
    for trial in trials:
        found = children.get(trial.number, [])
        if len(found) != 1:
            faults.add("child runs missing or doubled", f"trial {trial.number} has {len(found)} runs")
            continue
        expected = _expected_values(trial)
        written = {
            key: [(m.step, m.value) for m in client.get_metric_history(found[0].info.run_id, key)]
            for key in found[0].data.metrics
        }
        values += sum(map(len, written.values()))
        if {key: sorted(steps) for key, steps in written.items()} != expected:
            faults.add("ledger and MLflow differ", f"metrics of trial {trial.number}")
        if any(found[0].data.params.get(key) != str(value) for key, value in trial.parameters.items()):
            faults.add("ledger and MLflow differ", f"parameters of trial {trial.number}")
        if found[0].data.tags.get("outcome") != trial.outcome.value:
            faults.add("ledger and MLflow differ", f"outcome of trial {trial.number}")
    return values


def _expected_values(trial: TrialRecord) -> Mapping[str, list[tuple[int, float]]]:
    expected: dict[str, list[tuple[int, float]]] = {"epochs_trained": [(0, float(trial.epochs_trained))]}
    for report in trial.reports:
        for key, value in report.metrics.items():
            expected.setdefault(metric_name(key), []).append((report.epoch, value))
    if trial.outcome is Outcome.COMPLETED:
        for key in ("natural_accuracy", "pgd_accuracy"):
            expected[f"final/{key}"] = [(0, trial.last_metrics[key])]
    return expected
