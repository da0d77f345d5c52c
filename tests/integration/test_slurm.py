"""Jobs of a real SLURM: one hits its time limit twice, and a search that is told to end twice loses nothing."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from driver_process import HELD, TINY, ended, let_begin, start, trials_of
from slurm_cluster import Cluster, missing_programs, slurm_cluster, wait_until

from benchmarks.chaos.checks import essence
from tuner.driver.slurm_script import SlurmJob, slurm_script

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.geteuid() != 0, reason="the daemons of SLURM run as root here"),
    pytest.mark.skipif(bool(missing_programs()), reason=f"Debian's slurm and munge lack {missing_programs()}"),
]

# It stands in for a driver: it ends with 130 when it is told to, and has nothing left to do at the third time.
_DRIVER = """#!/bin/bash
trap 'echo told >> log; exit 130' TERM
echo begun >> log
[ "$(grep -c begun log)" = 3 ] && exit
while :; do sleep 0.1; done
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with slurm_cluster(tmp_path / "slurm") as running:
        yield running


def wait_for_end(cluster: Cluster, job: str) -> dict[str, str]:
    """Wait until a job has left the queue for good, and return what the controller knows of it."""
    wait_until(lambda: cluster.job(job)["JobState"] in {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL"})
    return cluster.job(job)


def limit(cluster: Cluster, job: str, minutes: int) -> None:
    """Set the time limit of a job, from its present start."""
    cluster.ask("scontrol", "update", f"JobId={job}", f"TimeLimit={minutes}")


def test_a_job_ends_its_driver_before_each_limit_and_goes_on(cluster: Cluster, tmp_path: Path) -> None:
    driver = tmp_path / "driver"
    driver.write_text(_DRIVER)
    driver.chmod(0o755)
    job = SlurmJob("limited", (), str(tmp_path), str(driver), 1, 0, 1, seconds=360, lead_seconds=60)
    script = tmp_path / "job.sh"
    script.write_text(slurm_script(job))
    number = cluster.submit(script)
    wait_until((tmp_path / "log").exists)
    limit(cluster, number, 1)  # the lead time has come
    found = wait_for_end(cluster, number)
    assert (found["JobState"], found["Restarts"]) == ("COMPLETED", "2")
    assert (tmp_path / "log").read_text().split() == ["begun", "told", "begun", "told", "begun"]


def test_a_search_that_is_requeued_twice_ends_as_an_undisturbed_one(cluster: Cluster, tmp_path: Path) -> None:
    """The limit comes near after so many epochs, and the others wait for the end; SLURM itself sends the signal."""
    runs_dir, alone, hold = tmp_path / "runs", tmp_path / "alone", tmp_path / "hold"
    script = tmp_path / "job.sh"
    path = f"export PYTHONPATH={Path(__file__).parents[2]}"
    words = ("-m", "tuner", "slurm", "--space", str(TINY), "--name", "requeued", "--time", "30m", "--setup", path)
    command = "-m tuner run "
    written = ended(words, tmp_path).output
    assert command in written, written
    script.write_text(written.replace(command, f"{HELD} {hold} "))

    def reports() -> int:
        written = (runs_dir / "requeued" / "space.yaml").exists()
        return sum(trial.epochs_trained for trial in trials_of(runs_dir, "requeued")) if written else 0

    undisturbed = start(alone, "--space", str(TINY), "--name", "undisturbed", "--concurrency", "1")
    let_begin(hold, 3)
    number = cluster.submit(script)
    for restarts in ("1", "2"):
        wanted = reports() + 3
        wait_until(lambda wanted=wanted: reports() >= wanted)  # type: ignore[misc]
        hours, minutes, _ = map(int, cluster.job(number)["RunTime"].split(":"))
        limit(cluster, number, 60 * hours + minutes + 2)  # at most the lead time is left
        wait_until(lambda restarts=restarts: cluster.job(number)["Restarts"] == restarts)  # type: ignore[misc]
        limit(cluster, number, 30)  # it waits in the queue
        let_begin(hold, 3)
    hold.unlink()
    found = wait_for_end(cluster, number)
    assert found["JobState"] == "COMPLETED", (tmp_path / f"requeued-{number}.log").read_text()
    output, _ = undisturbed.communicate()
    assert undisturbed.returncode == 0, output
    assert essence(trials_of(runs_dir, "requeued")) == essence(trials_of(alone, "undisturbed"))
