"""A real search beside optuna-dashboard, whose buttons write into its ledger."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from driver_process import TINY, let_begin, mlflow_runs, start_held, trials_of, tuner, wait_for_reports

from benchmarks.postgres_server import free_port
from tuner.ledger import Outcome, default_ledger_url

pytestmark = pytest.mark.slow

NAME = "watched"
FAILED, COMPLETED = Outcome.FAILED, Outcome.COMPLETED


class Dashboard:
    """What a browser sends to optuna-dashboard."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, method: str, path: str, content: dict[str, Any] | None = None) -> Any:
        body = None if content is None else json.dumps(content).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._url + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A search of four trials, one at a time; the first one waits after its first epoch."""
    words = ["--space", str(TINY), "--name", NAME, "--trials", "4", "--concurrency", "1"]
    let_begin(tmp_path / "hold", 1)
    with start_held(tmp_path / "hold", tmp_path / "runs", *words, "--set", "early_stopping.scheduler=none") as search:
        yield search
        search.kill()


@pytest.fixture
def dashboard(tmp_path: Path, process: subprocess.Popen[str]) -> Iterator[Dashboard]:
    wait_for_reports(tmp_path / "runs", NAME, 1, process)
    port, url = free_port(), default_ledger_url(tmp_path / "runs" / NAME)
    command = [str(Path(sys.executable).with_name("optuna-dashboard")), url, "--port", str(port), "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        found = Dashboard(f"http://127.0.0.1:{port}")
        while True:
            try:
                found.ask("GET", "/api/studies")
                break
            except urllib.error.URLError:
                assert server.poll() is None
                time.sleep(0.1)
        yield found
        server.terminate()


def test_the_dashboard_may_end_trials_and_write_notes_while_the_search_runs(
    tmp_path: Path, process: subprocess.Popen[str], dashboard: Dashboard
) -> None:
    runs_dir = tmp_path / "runs"
    (study,) = dashboard.ask("GET", "/api/studies")["study_summaries"]
    shown = dashboard.ask("GET", f"/api/studies/{study['study_id']}")["trials"]
    (running,) = [trial for trial in shown if trial["state"] == "Running"]
    dashboard.ask("POST", f"/api/trials/{running['trial_id']}/user-attrs", {"user_attrs": {"seen": "yes"}})
    dashboard.ask("PUT", f"/api/studies/{study['study_id']}/note", {"body": "a note", "version": 1})
    opened = optuna.load_study(study_name=NAME, storage=default_ledger_url(runs_dir / NAME))
    opened.enqueue_trial({"alpha": 0.25})
    dashboard.ask("POST", f"/api/trials/{running['trial_id']}/tell", {"state": "fail"})
    (tmp_path / "hold").unlink()
    output, _ = process.communicate()
    assert process.returncode == 0, output
    trials = trials_of(runs_dir, NAME)
    number = running["number"]
    assert {t.number: t.outcome for t in trials} == {n: FAILED if n == number else COMPLETED for n in range(4)}
    assert trials[number + 1].parameters["alpha"] == 0.25
    detail = dashboard.ask("GET", f"/api/studies/{study['study_id']}")
    assert detail["note"]["body"] == "a note"
    assert opened.trials[number].user_attrs["seen"] == "yes"
    _, children = mlflow_runs(runs_dir, "tiny", NAME)
    assert [n for n in range(4) if children[n][0].info.status == "FAILED"] == [number]
    assert NAME in tuner(runs_dir, "front", NAME)
