"""Own code that only the driver's machine has: Ray brings it to the other node, also after a kill and a resume."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from driver_process import trials_of

from benchmarks.two_nodes.network import Machine, is_possible, network
from benchmarks.two_nodes.scenario import node_environment
from tuner.runs.folder import SearchFolder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not is_possible(), reason="needs root, iproute2 and network namespaces"),
]
EXAMPLES = Path(__file__).parents[2] / "examples"
# Each machine has its own folder at this place, so that the other one does not see the driver's files.
CODE = Path("/tmp/ray/code")
# Each process of Ray that imports the module writes its node and the place of the file.
NOTE = """
import os
from pathlib import Path
if "RAY_JOB_ID" in os.environ:
    import ray
    with Path({log!r}).open("a") as file:
        print(ray.util.get_node_ip_address(), __file__, file=file)
"""
NAME, PATIENCE_SECONDS = "own_objective-1", 400.0


def test_a_node_without_the_file_trains_with_the_driver_s_code(tmp_path: Path) -> None:
    log, runs_dir = tmp_path / "places", tmp_path / "runs"
    with network(["driver", "other"], tmp_path) as (driver, other):
        put_code(driver, log)
        environment = node_environment()
        driver.start_ray(["--head", "--port=6379"], environment, tmp_path / "driver.log")
        other.start_ray([f"--address={driver.address}:6379"], environment, tmp_path / "other.log")
        first = start(driver, environment, runs_dir, "--space", str(CODE / "own_objective.yaml"))
        wait(lambda: other.address in nodes(log) and epochs(runs_dir) >= 1, first, tmp_path)
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        log.unlink()
        again = start(driver, environment, runs_dir, "--resume", NAME)
        wait(lambda: again.poll() is not None, again, tmp_path)
    assert again.returncode == 0, (tmp_path / "search.log").read_text()
    assert [trial.outcome.value for trial in trials_of(runs_dir, NAME)] == 4 * ["completed"]
    places = [line.split(maxsplit=1) for line in log.read_text().splitlines()]
    assert other.address in {address for address, _ in places}
    assert all("py_modules_files" in file for address, file in places if address == other.address)
    assert set(SearchFolder(runs_dir / NAME).frozen()["plug_ins"]) == {"own_network", "own_objective"}


def put_code(machine: Machine, log: Path) -> None:
    folder = machine.folder / CODE.name
    folder.mkdir()
    for path in EXAMPLES.glob("own_*"):
        shutil.copy(path, folder)
    with (folder / "own_objective.py").open("a") as file:
        file.write(NOTE.format(log=str(log)))


def start(machine: Machine, environment: dict[str, str], runs_dir: Path, *words: str) -> subprocess.Popen[bytes]:
    """Start a driver on a machine; a new search has four trials of 16 epochs."""
    sets = ("architecture=own_network:SmallResidual", "early_stopping.scheduler=none", "train_fraction=0.2")
    new = [] if "--resume" in words else ["--trials", "4", "--epochs", "16", *(w for s in sets for w in ("--set", s))]
    command = [sys.executable, "-u", "-m", "tuner.run", *words, *new, "--runs-dir", str(runs_dir)]
    address = ["--address", f"{machine.address}:6379"]
    return machine.start([*command, *address], environment, runs_dir.parent / "search.log")


def nodes(log: Path) -> set[str]:
    return {line.split()[0] for line in log.read_text().splitlines()} if log.exists() else set()


def epochs(runs_dir: Path) -> int:
    begun = SearchFolder(runs_dir / NAME).space_file.exists()
    return sum(trial.epochs_trained for trial in trials_of(runs_dir, NAME)) if begun else 0


def wait(happened: Callable[[], bool], process: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until something happens while the search runs."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert process.poll() is None or happened(), (folder / "search.log").read_text()
        assert time.monotonic() < deadline, (folder / "search.log").read_text()
        time.sleep(0.2)
