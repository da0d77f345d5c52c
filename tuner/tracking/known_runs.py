"""What MLflow holds of the trials of a search already, read from its runs."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from mlflow.entities import Run, RunTag

from tuner.tracking import layout

_PARETO = (layout.PARETO, layout.PARETO_RANK, layout.FRONT_EPOCHS)


@dataclass
class Child:
    """What MLflow holds of one trial, as far as this process knows."""

    run_id: str
    described: bool = False
    epochs_logged: int = 0
    ended: bool = False
    waiting: bool = False
    pareto: list[RunTag] = field(default_factory=list)


def one_each(runs: Iterable[Run]) -> tuple[dict[int, Run], list[Run]]:
    """Return for each trial the run that holds most of it, and the runs that are left over."""
    kept: dict[int, Run] = {}
    doubled = []
    for run in runs:
        number = int(run.data.tags[layout.TRIAL])
        other = kept.setdefault(number, run)
        if other is not run:
            ahead = max(other, run, key=lambda one: (known(one).ended, known(one).epochs_logged))
            doubled.append(run if ahead is other else other)
            kept[number] = ahead
    return kept, doubled


def known(run: Run) -> Child:
    """Return what a run holds."""
    tags = run.data.tags
    return Child(
        run_id=run.info.run_id,
        described=bool(run.data.params),
        epochs_logged=int(tags.get(layout.EPOCHS_LOGGED, 0)),
        ended=run.info.status in {"FINISHED", "KILLED", "FAILED"},
        waiting=run.info.status == "SCHEDULED",
        pareto=[RunTag(key, tags[key]) for key in _PARETO if key in tags],
    )
