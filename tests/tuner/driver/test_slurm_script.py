"""The batch script for SLURM: its options, its quoting, and what the shell thinks of it."""

import os
import shlex
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from raises_about import raises_about
from simulated_search import small_space

from tuner.driver.slurm_script import SlurmJob, fitting_cpus, slurm_script, slurm_time
from tuner.errors import UsageError

JOB = SlurmJob(
    name="digits",
    words=("--space", "digits_tradeoff", "--name", "digits"),
    folder="/home/me",
    python="/home/me/.venv/bin/python",
    nodes=1,
    gpus_per_node=0,
    cpus_per_node=4,
    seconds=86400,
)
VARIANTS = [
    JOB,
    replace(JOB, requeues=False, partition="gpu", account="lab", setup=("module load cuda",)),
    replace(JOB, nodes=3, gpus_per_node=4, sbatch_options=("--qos=long", "--mem=64G")),
]


def sbatch_options(script: str) -> dict[str, str]:
    """Return the options at the head of a script; SLURM reads them up to the first command."""
    head = script.partition("\ncd ")[0].splitlines()
    words = [line.removeprefix("#SBATCH --").partition("=") for line in head if line.startswith("#SBATCH ")]
    return {name: value for name, _, value in words}


@pytest.mark.parametrize("job", VARIANTS)
def test_the_shell_reads_the_script_without_remarks(job: SlurmJob, tmp_path: Path) -> None:
    file = tmp_path / "job.sh"
    file.write_text(slurm_script(job))
    subprocess.run(["bash", "-n", file], check=True)
    if shutil.which("shellcheck") is not None:
        checked = subprocess.run(["shellcheck", file], check=False, capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("job", VARIANTS)
def test_the_options_of_a_job_stand_at_its_head(job: SlurmJob) -> None:
    options = sbatch_options(slurm_script(job))
    assert options["nodes"] == str(job.nodes)
    assert options["signal"] == "B:USR1@120"
    assert options["time"] == "1-00:00:00"
    assert ("requeue" in options, "no-requeue" in options) == (job.requeues, not job.requeues)
    assert options.get("gpus-per-node") == (str(job.gpus_per_node) if job.gpus_per_node else None)
    assert (options.get("partition"), options.get("account")) == (job.partition, job.account)
    assert {"qos": "long", "mem": "64G"}.items() <= options.items() or not job.sbatch_options


@pytest.mark.parametrize("job", VARIANTS)
def test_no_script_ends_the_ray_of_others(job: SlurmJob) -> None:
    commands = [line for line in slurm_script(job).splitlines() if not line.startswith("#")]
    text = "\n".join(commands)
    assert not any(word in text for word in ("ray stop", "scripts stop", "pkill", "killall"))
    assert ("ray.scripts.scripts" in text) == ("--address" in text) == (job.nodes > 1)


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1, max_size=3))
def test_any_word_reaches_the_driver_as_it_is(words: list[str]) -> None:
    job = replace(JOB, words=tuple(words), folder=words[0], requeues=False)
    script = slurm_script(job)
    line = script[script.index('"$python" -u -m tuner run') : script.index("&\ndriver=$!")]
    assert shlex.split(line) == ["$python", "-u", "-m", "tuner", "run", "--resume-or-start", *words]
    assert f"cd {shlex.quote(words[0])} ||" in script


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(60, "0-00:01:00"), (61, "0-00:02:00"), (5400, "0-01:30:00"), (86400, "1-00:00:00"), (180000, "2-02:00:00")],
)
def test_a_time_limit_is_in_days_hours_and_full_minutes(seconds: float, text: str) -> None:
    assert slurm_time(seconds) == text


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"seconds": 400}, "--time"),
        ({"lead_seconds": 30}, "--lead"),
        ({"lead_seconds": 70000, "seconds": 10**6}, "--lead"),
        ({"sbatch_options": ("qos=long",)}, "--sbatch"),
        ({"sbatch_options": ("--qos=long\nrm -rf /",)}, "--sbatch"),
        ({"partition": "a b"}, "--partition"),
        ({"account": ""}, "--account"),
    ],
)
def test_what_slurm_would_misread_is_refused(changes: dict[str, object], flag: str) -> None:
    with raises_about(UsageError, flag):
        replace(JOB, **changes)  # type: ignore[arg-type]


def test_the_cores_of_a_node_are_those_of_the_trials_on_its_gpus() -> None:
    space = small_space(resources={"gpus_per_trial": 0.5, "cpus_per_trial": 3})
    assert fitting_cpus(space, 4, None) == 24
    assert fitting_cpus(space, 4, 10) == 10
    with raises_about(UsageError, "--gpus-per-node"):
        fitting_cpus(space, 0, None)
    with raises_about(UsageError, "--cpus-per-task"):
        fitting_cpus(space, 1, 2)
    assert fitting_cpus(small_space(resources={"gpus_per_trial": 0, "cpus_per_trial": 2}), 0, None) == 2


# It stands in for the driver: it says that it runs, ends with $CODE at SIGTERM, and with 0 after a while.
_DRIVER = """#!/bin/bash
trap 'echo told >> "$LOG"; kill "$!"; exit "$CODE"' TERM
echo begun >> "$LOG"
sleep "$SECONDS_TO_WORK" &
wait "$!"
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a driver and an scontrol that note what happens in `log`."""
    (tmp_path / "bin").mkdir()
    for name, text in (("driver", _DRIVER), ("scontrol", '#!/bin/bash\necho "$@" >> "$LOG"\n')):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "job.sh").write_text(
        slurm_script(replace(JOB, folder=str(tmp_path), python=str(tmp_path / "bin" / "driver")))
    )
    return tmp_path


def played(place: Path, *signals: signal.Signals, seconds: int = 60, code: int = 130) -> tuple[int, list[str]]:
    """Run the script, send it signals as SLURM does once the driver runs; return its exit code and the log."""
    log = place / "log"
    settings = {"LOG": str(log), "SLURM_JOB_ID": "7", "SECONDS_TO_WORK": str(seconds), "CODE": str(code)}
    path = f"{place / 'bin'}:{os.environ['PATH']}"
    process = subprocess.Popen(["bash", str(place / "job.sh")], env={**os.environ, **settings, "PATH": path})
    while not log.exists():
        time.sleep(0.02)
    for number in signals:
        process.send_signal(number)
    return process.wait(), log.read_text().splitlines()


def test_at_the_limit_the_driver_is_told_once_and_the_job_is_requeued(place: Path) -> None:
    assert played(place, signal.SIGUSR1) == (130, ["begun", "told", "requeue 7"])


def test_a_search_that_is_done_ends_the_job(place: Path) -> None:
    assert played(place, seconds=0) == (0, ["begun"])


@pytest.mark.parametrize("code", [0, 1, 2])
def test_a_search_that_ends_or_fails_just_at_the_limit_is_not_requeued(place: Path, code: int) -> None:
    assert played(place, signal.SIGUSR1, code=code) == (code, ["begun", "told"])


def test_a_python_that_is_missing_fails_the_job(place: Path) -> None:
    (place / "log").touch()
    (place / "bin" / "driver").unlink()
    assert played(place) == (127, [])


def test_a_job_that_is_cancelled_is_not_requeued(place: Path) -> None:
    """SLURM sends SIGTERM to the driver as well, which then ends; here it works on and ends with 0."""
    assert played(place, signal.SIGTERM, seconds=1) == (0, ["begun"])
