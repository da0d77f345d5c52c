"""A search that is steered while it runs, and whose driver is killed in between."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from driver_process import TINY, let_begin, mlflow_runs, start_held, trials_of, wait_for_reports
from driver_process import run as finish
from typed_commands import Tuner

from tuner.ledger import Outcome
from tuner.runs.folder import SearchFolder
from tuner.steering.decide import STOPPED_BY_USER

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NAME = "steered"


def wait_until(process: subprocess.Popen[str], happened: Callable[[], bool]) -> None:
    while process.poll() is None:
        if happened():
            return
        time.sleep(0.2)
    raise AssertionError(f"the driver ended with {process.returncode} before that")


def test_a_steered_search_survives_a_kill_and_agrees_everywhere(tuner: Tuner, runs_dir: Path) -> None:
    def done(*words: str) -> str:
        answer = tuner(*words)
        assert answer.code == 0, answer
        return answer.out

    def status() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(done("status", NAME, "--format", "json"))
        return found

    def all_obeyed() -> bool:
        return {one["state"] for one in status()["instructions"]} == {"obeyed"}

    hold = runs_dir.parent / "hold"
    let_begin(hold, 1)
    space = ("--space", str(TINY), "--set", "early_stopping.scheduler=none", "--trials", "2")
    process = start_held(hold, runs_dir, *space, "--name", NAME, "--concurrency", "1")
    wait_for_reports(runs_dir, NAME, 1, process)
    assert (status()["state"], status()["process"]) == ("running", process.pid)
    done("add", NAME, "alpha=0.25", "lambda=2", "bottleneck=16")
    done("set", NAME, "search.trials=4", "concurrency=2")
    running = next(trial.number for trial in trials_of(runs_dir, NAME) if trial.outcome is Outcome.RUNNING)
    done("stop", NAME, str(running))
    stopped = trials_of(runs_dir, NAME)[running]
    assert (stopped.outcome, stopped.error) == (Outcome.STOPPED, STOPPED_BY_USER)

    done("add", NAME, "alpha=0.75", "lambda=3", "bottleneck=32", "--no-wait")
    process.kill()  # with the instruction perhaps obeyed, perhaps not
    process.communicate()
    assert status()["state"] == "interrupted"
    assert f"tuner run --resume {NAME}" in done("set", NAME, "search.trials=5")

    process = start_held(hold, runs_dir, "--resume", NAME)
    wait_until(process, all_obeyed)
    done("stop", NAME)
    output, _ = process.communicate()
    assert process.returncode == 130, output
    assert f"tuner run --resume {NAME}" in output
    assert status()["state"] == "interrupted"

    undisturbed = finish(runs_dir, "--resume", NAME)
    assert undisturbed.code == 0, undisturbed.output

    trials = trials_of(runs_dir, NAME)
    assert [trial.number for trial in trials] == list(range(5))
    ends = {trial.number: trial.outcome for trial in trials}
    assert ends == dict.fromkeys(range(5), Outcome.COMPLETED) | {running: Outcome.STOPPED}
    assert [trial.parameters["alpha"] for trial in trials if trial.enqueued] == [0.25, 0.75], "each once"
    found = status()
    assert (found["state"], found["trials"], found["outcomes"]) == ("finished", 5, {"completed": 4, "stopped": 1})
    assert all_obeyed()
    assert SearchFolder(runs_dir / NAME).space().search.trials == 5

    parents, children = mlflow_runs(runs_dir, "tiny", NAME)
    assert len(parents) == 1
    assert {number: len(runs) for number, runs in children.items()} == dict.fromkeys(range(5), 1)
    for trial in trials:
        (run,) = children[trial.number]
        assert run.data.tags["outcome"] == trial.outcome.value
        assert run.data.metrics["epochs_trained"] == trial.epochs_trained
