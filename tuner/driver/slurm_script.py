"""The batch script with which SLURM runs a search job after job: a pure function of what the job asks for.

The script itself is `templates/slurm_job.sh`, beside this file.
"""

import math
import shlex
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tuner.errors import UsageError
from tuner.space import Space

# A driver that gets SIGTERM ends within 30 seconds, whatever Ray and MLflow do. SLURM counts in steps of up to a
# minute, and the nodes of a cluster end after their driver.
LEAD_SECONDS = 120
SHORTEST_LEAD_SECONDS = 60
# SLURM may send the signal a minute early, and a slow file system needs minutes to import torch and Ray.
_SHORTEST_WORK_SECONDS = 300
_LONGEST_LEAD_SECONDS = 65535  # of sbatch's option --signal


@dataclass(frozen=True)
class SlurmJob:
    """What a job asks of SLURM, and the search that it runs.

    Attributes:
        name: of the job and of the search.
        words: of `tuner run`, beside --resume-or-start and --address.
        folder: where the search runs; relative paths in `words` begin there.
        python: the interpreter in which this project is installed.
        cpus_per_node: cores; the job runs one task on each node.
        seconds: the time limit.
        lead_seconds: how long before the limit the driver is told to end.
        requeues: whether the job goes into the queue again at its limit.
        sbatch_options: further options of sbatch, each a line.
        setup: lines of the shell that come first, such as `module load cuda`.

    """

    name: str
    words: tuple[str, ...]
    folder: str
    python: str
    nodes: int
    gpus_per_node: int
    cpus_per_node: int
    seconds: int
    lead_seconds: int = LEAD_SECONDS
    requeues: bool = True
    partition: str | None = None
    account: str | None = None
    sbatch_options: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise UsageError if SLURM would refuse the job or misread it."""
        shortest = self.lead_seconds + _SHORTEST_WORK_SECONDS
        if not SHORTEST_LEAD_SECONDS <= self.lead_seconds <= _LONGEST_LEAD_SECONDS:
            raise UsageError(
                f"--lead is {self.lead_seconds} seconds, but must be {SHORTEST_LEAD_SECONDS} to {_LONGEST_LEAD_SECONDS}"
                ": the driver needs up to 30 seconds to end, and SLURM is not exact.",
                "--lead",
            )
        if self.seconds < shortest:
            raise UsageError(
                f"--time is {self.seconds} seconds, but must be at least {shortest}: {_SHORTEST_WORK_SECONDS} for "
                f"work and --lead ({self.lead_seconds}) for the end. Set a longer --time.",
                "--time",
            )
        for option in self.sbatch_options:
            if not option.startswith("-") or not option.isprintable():
                raise UsageError(
                    f"--sbatch is {option!r}, but must be one line with options of sbatch, such as --qos=long.",
                    "--sbatch",
                )
        for flag, value in (("--partition", self.partition), ("--account", self.account)):
            if value is not None and not (value and value.isprintable() and not set(value) & set(" '\"\\#")):
                raise UsageError(f"{flag} is {value!r}, but must be a name without blanks and quotes.", flag)


def slurm_script(job: SlurmJob) -> str:
    """Return the batch script of a job."""
    return _TEMPLATES.get_template("slurm_job.sh").render(job=job)


def slurm_time(seconds: float) -> str:
    """Return a time limit in SLURM's form DAYS-HH:MM:SS, a full minute at least: SLURM counts in minutes."""
    minutes = max(1, math.ceil(seconds / 60))
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    return f"{days}-{hours:02}:{minutes:02}:00"


def fitting_cpus(space: Space, gpus_per_node: int, cpus_per_node: int | None) -> int:
    """Return the cores of a node: `cpus_per_node`, or as many as the trials need that fit on its GPUs, at least one.

    Raise UsageError if no trial of the space fits on a node with them.
    """
    gpus, cpus = space.resources.gpus_per_trial, space.resources.cpus_per_trial
    if gpus > gpus_per_node:
        raise UsageError(
            f"A trial of {space.name} needs {gpus:g} GPUs of one node, but --gpus-per-node is {gpus_per_node}: set it "
            f"to {math.ceil(gpus)} or more, or change the trial with --gpus-per-trial after `--`.",
            "--gpus-per-node",
        )
    trials = math.floor(gpus_per_node / gpus) if gpus else 1
    if cpus_per_node is None:
        return max(1, math.ceil(trials * cpus))
    if cpus > cpus_per_node:
        raise UsageError(
            f"A trial of {space.name} needs {cpus:g} cores, but --cpus-per-task is {cpus_per_node}: set it to "
            f"{math.ceil(cpus)} or more.",
            "--cpus-per-task",
        )
    return cpus_per_node


_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=False,  # noqa: S701 - a shell script; `quote` is its escape
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_TEMPLATES.filters.update(quote=shlex.quote, slurm_time=slurm_time)
