"""What the kills did to a search of Ray Tune: pure comparisons of its events, its results and its MLflow runs."""

from collections import Counter
from collections.abc import Sequence

from benchmarks.chaos.checks import Faults
from benchmarks.chaos.ray_tune_events import Event, Kind
from benchmarks.chaos.ray_tune_results import MlflowRun, RayTrial


def check_results(results: Sequence[RayTrial], events: Sequence[Event], planned: int, faults: Faults) -> None:
    """Compare Ray's results with the plan, and with all trials that ever started."""
    for trial in results:
        if not trial.complete:
            faults.add("trials lost", f"{trial.name} is {trial.status} after {len(trial.epochs)} epochs")
        elif trial.epochs != tuple(range(1, trial.epochs[-1] + 1)):
            faults.add("trials lost", f"{trial.name} misses epochs: {trial.epochs}")
    for missing in range(len(results), planned):
        faults.add("trials lost", f"{missing + 1} of {planned} is not in the results")
    started = {event.trial: event.parameters or {} for event in events if event.kind is Kind.STARTED}
    for name in started.keys() - {trial.name for trial in results}:
        faults.add("trials forgotten", f"{name} was started and is not in the results")
    proposals = started | {trial.name: dict(trial.parameters) for trial in results}
    points = Counter(tuple(sorted(parameters.items())) for parameters in proposals.values())
    for point, count in points.items():
        if count > 1:
            faults.add("proposals repeated", f"{dict(point)} {count} times")


def check_events(events: Sequence[Event], faults: Faults) -> dict[str, int]:
    """Check the events in order: no recorded epoch and no ended trial may be trained again.

    Returns the number of epochs begun and, of these, the number begun again, recorded or not.
    """
    recorded: set[tuple[str, int]] = set()
    begun: Counter[tuple[str, int]] = Counter()
    ended: set[str] = set()
    reopened: set[str] = set()
    for event in events:
        epoch = (event.trial, event.epoch)
        if event.kind is Kind.RECORDED:
            recorded.add(epoch)
        elif event.kind is Kind.BEGUN:
            begun[epoch] += 1
            if epoch in recorded:
                faults.add("recorded epochs trained again", f"{event.trial}, epoch {event.epoch}")
            if event.trial in ended - reopened:
                reopened.add(event.trial)
                where = "from the start" if event.epoch == 1 else f"from epoch {event.epoch}"
                faults.add("ended trials trained again", f"{event.trial} {where}")
        elif event.kind is Kind.ENDED:
            if event.trial in ended:
                faults.add("trials ended twice", event.trial)
            ended.add(event.trial)
            reopened.discard(event.trial)
    return {"epochs begun": begun.total(), "epochs begun twice": begun.total() - len(begun)}


def check_runs(results: Sequence[RayTrial], runs: Sequence[MlflowRun], faults: Faults) -> int:
    """Compare MLflow with Ray's results: each trial has one run, and each value is in it once.

    If a trial has several runs, it is enough that a value is in one of them. Returns the number of Ray's values.
    """
    known = {trial.name: trial for trial in results}
    for run in runs:
        if run.trial not in known:
            faults.add("runs of forgotten trials", run.trial)
        if run.status == "RUNNING":
            faults.add("runs open for ever", run.trial)
    for trial in results:
        own = [run for run in runs if run.trial == trial.name]
        if len(own) != 1:
            faults.add("trials without exactly one run", f"{trial.name} has {len(own)} runs")
        written = Counter(value for run in own for value in run.values)
        for value in sorted(trial.values - written.keys()):
            faults.add("values missing in MLflow", f"{trial.name}: {value}")
        for value in sorted(written.keys() - trial.values):
            faults.add("values in MLflow that Ray does not have", f"{trial.name}: {value}")
        for value, count in written.items():
            if count > 1:
                faults.add("values more than once in MLflow", f"{trial.name}: {value} {count} times")
    return sum(len(trial.values) for trial in results)


def failures(events: Sequence[Event]) -> Counter[str]:
    """Count the driver's exceptions by their first line and by whether the experiment was new or restored."""
    found: Counter[str] = Counter()
    restored = False
    for event in events:
        if event.kind is Kind.RESTORING:
            restored = True
        elif event.kind is Kind.FAILED:
            found[f"{'restored' if restored else 'first session'}: {event.text.splitlines()[0]}"] += 1
    return found
