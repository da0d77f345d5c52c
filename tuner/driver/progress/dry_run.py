"""`--dry-run`: what a search would do, and what it would cost at most."""

import os

from rich.console import Console

from tuner.confirm.presentation import presentation_of
from tuner.driver.plan import Plan
from tuner.driver.progress.gpu_hours import hours_line, precision_line
from tuner.driver.progress.summary import print_line
from tuner.ledger import Outcome
from tuner.redact import without_password
from tuner.runs.mirror import place_of
from tuner.space import STOP_AFTER, Space, parameter_lines


def print_plan(console: Console, plan: Plan) -> None:
    """Print parameters, rungs, the largest number of epochs, the resources of this machine, the paths, and the data.

    The labels and headers of the data are read first, so that nothing is printed if they are refused.
    """
    data = _data(plan.space)
    for line in [
        f"{'Would resume' if plan.is_resume else 'Would start'} {plan.folder.name}: {plan.space.description}",
        *presentation_of(plan.space).purpose(),
        *(_points(plan.space) if plan.space.search.points else _parameters(plan.space)),
        *(f"Warm start: {earlier.line}" for earlier in plan.warm_start),
        *_limits(plan.space),
        *_rungs(plan.space),
        *_cost(plan),
        *_resources(plan.space),
        *precision_line(plan.space),
        *hours_line(plan.space),
        *(f"Code:       {source}" for source in plan.plug_ins),
        f"Files:      {place_of(plan.folder.path)}",
        f"Ledger:     {without_password(plan.ledger_url)}",
        f"MLflow:     {without_password(plan.tracking_uri)}",
        *data,
    ]:
        print_line(console, line)


def _parameters(space: Space) -> list[str]:
    lines = [f"Parameters ({space.search.sampler}, seed {space.search.seed}):", *parameter_lines(space)]
    starts = (", ".join(f"{name}={value}" for name, value in point.items()) for point in space.search.start_points)
    return [*lines, *(f"  first: {start}" for start in starts)]


def _points(space: Space) -> list[str]:
    search = space.search
    seeds = ", ".join(str(search.seed + index) for index in range(search.seeds))
    lines = (", ".join(f"{name}={value}" for name, value in point.items()) for point in search.points)
    return [f"Points (grid, {'seeds' if search.seeds > 1 else 'seed'} {seeds}):", *(f"  {line}" for line in lines)]


def _limits(space: Space) -> list[str]:
    """Return the limits and constraints, and the rules besides the number of trials that end the search."""
    limits = [
        f"{criterion.name} {'at least' if criterion.maximise else 'at most'} {criterion.limit:g}"
        for criterion in space.criteria
        if criterion.limit is not None
    ]
    rules = {"epochs trained": space.search.max_epochs, "trials without growth of the front": space.search.patience}
    ends = [f"{value} {name}" for name, value in rules.items() if value is not None]
    return [
        *([f"Limits:     {', '.join(limits)}"] if limits else []),
        *([f"Ends after: {' or '.join(ends)}, {space.search.trials} trials at the latest"] if ends else []),
    ]


def _rungs(space: Space) -> list[str]:
    stopping = space.early_stopping
    epochs = list(space.rung_epochs)
    if stopping.scheduler == "none" or not epochs:
        reason = (
            "switched off"
            if stopping.scheduler == "none"
            else (f"no rung: grace_epochs {stopping.grace_epochs} is not below the budget of {space.epochs} epochs")
        )
        return [f"Rungs:      no early stopping ({reason})"]
    if stopping.scheduler == "forecast":
        return [f"Rungs:      epochs {', '.join(map(str, epochs))}; a forecast of the final values decides who goes on"]
    shares = [space.search.trials / stopping.reduction_factor**k for k in range(len(epochs) + 1)]
    shown = [f"epoch {e}: about {max(1, round(s))} trials" for e, s in zip(epochs, shares, strict=False)]
    end = f"epoch {space.epochs} (end): about {max(1, round(shares[-1]))}"
    return [f"Rungs:      {'; '.join(shown)}; {end} (1 of {stopping.reduction_factor} continues at each)"]


def _cost(plan: Plan) -> list[str]:
    space = plan.space
    each = f"{space.epochs} or fewer" if STOP_AFTER in space.parameters else str(space.epochs)
    line = f"Cost:       at most {space.most_epochs} epochs ({space.search.trials} trials of {each})"
    if not plan.is_resume:
        return [line]
    with plan.folder.ledger(plan.ledger_url) as ledger:
        trials = ledger.load()
    spent = sum(trial.epochs_trained for trial in trials)
    kept = sum(trial.outcome is not Outcome.RUNNING for trial in trials)
    running = len(trials) - kept
    return [f"{line}, {spent} of them trained; {kept} trials have ended, {running} continue"]


def _resources(space: Space) -> list[str]:
    import torch

    resources = space.resources
    line = (
        f"Resources:  {resources.cpus_per_trial:g} CPU and {resources.gpus_per_trial:g} GPU a trial; "
        f"this machine has {os.cpu_count()} CPU and {torch.cuda.device_count()} GPU"
    )
    if resources.gpus_per_trial > torch.cuda.device_count():
        line += " (too few: give --address of a cluster, or --gpus-per-trial 0 to train on the CPU)"
    return [line]


def _data(space: Space) -> list[str]:
    from training.data import ensure_available, lines_of, must_be_downloaded

    config = space.example
    line = f"Data:       {config.dataset} in {config.data_root}"
    if must_be_downloaded(config):
        return [f"{line} (not there yet: a search downloads them, or says what it needs)"]
    return [line, *(f"            {found}" for found in lines_of(ensure_available(config)))]
