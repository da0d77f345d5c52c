"""`tuner slurm`: a batch script that runs a search on a cluster with SLURM."""

import math
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tuner.cli import options
from tuner.cli.run import run
from tuner.errors import UsageError

if TYPE_CHECKING:
    from tuner.space import Space

# What the script itself says to `tuner run`.
_TAKEN = {
    **dict.fromkeys(("--space", "--name", "--runs-dir"), "give it before `--`"),
    **dict.fromkeys(("--resume", "--resume-or-start"), "the script continues the search by its --name"),
    "--address": "the script starts Ray on the job's nodes",
    "--dry-run": "try it with `tuner run`",
}


def slurm(  # noqa: PLR0917 - each is an option by its name
    space: Annotated[
        str,
        typer.Option(
            "--space",
            help="Name of a space (`tuner spaces` lists them), or path of a space file.",
            autocompletion=options.complete_space,
        ),
    ],
    time: Annotated[
        float,
        typer.Option(
            "--time",
            help="Time limit of the job, such as 12h or 2d; at its end the job goes into the queue again.",
            parser=lambda text: options.parse_duration(text, "--time"),
            metavar="TIME",
        ),
    ],
    nodes: Annotated[int, typer.Option("--nodes", min=1, help="Number of nodes.")] = 1,
    gpus_per_node: Annotated[
        int | None, typer.Option("--gpus-per-node", min=0, help="GPUs of each node; default: as one trial needs.")
    ] = None,
    cpus_per_task: Annotated[
        int | None,
        typer.Option(
            "--cpus-per-task",
            min=1,
            help="CPU cores of each node (the job has one task on each); default: as its trials need.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the search and of the job; default: the space's name.")
    ] = None,
    runs_dir: Annotated[
        str,
        typer.Option(
            "--runs-dir",
            help="Folder that holds all searches, on a mount that all nodes have, or s3://BUCKET/PREFIX.",
            envvar="TUNER_RUNS_DIR",
            metavar="PLACE",
        ),
    ] = "runs",
    partition: Annotated[str | None, typer.Option("--partition", help="SLURM's partition.")] = None,
    account: Annotated[str | None, typer.Option("--account", help="SLURM's account.")] = None,
    sbatch: Annotated[
        list[str] | None,
        typer.Option("--sbatch", help="A further option of sbatch, such as --qos=long; repeatable.", metavar="OPTION"),
    ] = None,
    setup: Annotated[
        list[str] | None,
        typer.Option("--setup", help="A line of the shell that comes first; repeatable.", metavar="LINE"),
    ] = None,
    lead: Annotated[
        float | None,
        typer.Option(
            "--lead",
            help="How long before the time limit the search is told to end; default: 120s.",
            parser=lambda text: options.parse_duration(text, "--lead"),
            metavar="TIME",
        ),
    ] = None,
    requeue: Annotated[
        bool, typer.Option("--requeue/--no-requeue", help="Go into the queue again at the time limit.")
    ] = True,
    run_options: Annotated[
        list[str] | None, typer.Argument(help="Options of `tuner run`, after `--`.", metavar="[-- OPTIONS]")
    ] = None,
) -> None:
    """Print a SLURM batch script that runs a search to its end.

    Examples:

      tuner slurm --space cifar10_tradeoff --nodes 2 --gpus-per-node 4 --time 24h > job.sh

      tuner slurm --space cifar10_tradeoff --gpus-per-node 1 --time 8h --partition gpu -- --trials 96 > job.sh
    """
    from tuner.driver.slurm_script import LEAD_SECONDS, SlurmJob, fitting_cpus, slurm_script
    from tuner.runs.names import require_name

    checked = _checked_space(space, run_options or [])
    search = name or checked.name
    require_name(search, "--name")
    gpus = math.ceil(checked.resources.gpus_per_trial) if gpus_per_node is None else gpus_per_node
    job = SlurmJob(
        name=search,
        words=("--space", space, "--name", search, "--runs-dir", runs_dir, *(run_options or ())),
        folder=os.getcwd(),  # noqa: PTH109 - as the user's shell names it
        python=sys.executable,
        nodes=nodes,
        gpus_per_node=gpus,
        cpus_per_node=fitting_cpus(checked, gpus, cpus_per_task),
        seconds=math.ceil(time),
        lead_seconds=LEAD_SECONDS if lead is None else math.ceil(lead),
        requeues=requeue,
        partition=partition,
        account=account,
        sbatch_options=tuple(sbatch or ()),
        setup=tuple(setup or ()),
    )
    typer.echo(slurm_script(job), nl=False)


def _checked_space(space: str, run_options: list[str]) -> "Space":
    """Return the space as the options of `tuner run` change it: the job would find a fault only after its waiting."""
    from tuner.driver.plan import Request
    from tuner.space import load_space

    for word in run_options:
        if (reason := _TAKEN.get(word.partition("=")[0])) is not None:
            raise UsageError(f"{word} cannot stand after `--`: {reason}.", word)
    app = typer.Typer(add_completion=False)
    app.command()(run)
    given: dict[str, Any] = typer.main.get_command(app).make_context("tuner run", list(run_options)).params
    keys = ("trials", "epochs", "seed", "gpus_per_trial", "cpus_per_trial", "data_root")
    flags = Request(**{key: given[key] for key in keys}).flags()
    return load_space(space, given["overrides"] or (), flags)
