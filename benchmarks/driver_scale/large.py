"""Part (c): how long commands take on a search of 10,000 trials, and how much memory they need.

The search is made up, and MLflow's store already holds it. The real command then resumes it for one more trial of three
epochs. The same command on a new search of one trial shows which part of the time does not depend on the 10,000 trials.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.driver_scale.mlflow_runs import lay_down
from benchmarks.driver_scale.workload import grown_search, write_ledger
from benchmarks.surroundings import own_environment
from tuner.driver.create import provenance
from tuner.ledger import Outcome
from tuner.runs.folder import SearchFolder, default_tracking_uri
from tuner.space import Space, load_space
from tuner.tracking import store

_OVERRIDES = [
    "early_stopping.grace_epochs=1",
    "early_stopping.reduction_factor=3",
    "search.sampler=motpe",
    "early_stopping.scheduler=mo_asha",
]
_EPOCHS = 3
_PROBE_SECONDS = 0.1
# They would make the commands use the user's own servers.


def measure(trials: int) -> dict[str, Any]:
    """Return the seconds and the peak memory of each command."""
    with tempfile.TemporaryDirectory() as name:
        runs_dir = Path(name)
        space = _space(trials)
        _make(runs_dir, space, trials)
        new = ["run", "--space", "digits_tradeoff", "--name", "new", "--trials", "1", "--epochs", str(_EPOCHS)]
        new += [word for override in _OVERRIDES for word in ("--set", override)]
        commands = {
            "start of a search of one trial": new,
            "resume for one more trial": ["run", "--resume", "large", "--trials", str(trials + 1)],
            "tuner show": ["show", "large"],
            "tuner front": ["front", "large"],
        }
        return {"trials": trials} | {title: _measured(words, runs_dir) for title, words in commands.items()}


def _space(trials: int) -> Space:
    return load_space("digits_tradeoff", _OVERRIDES, {"trial.epochs": _EPOCHS, "search.trials": trials})


def _make(runs_dir: Path, space: Space, trials: int) -> None:
    from tuner.driver.preflight import check_data

    data_root = str(Path("data").resolve())
    space = space.model_copy(update={"trial": {**space.trial, "data_root": data_root}})
    folder = SearchFolder(runs_dir / "large")
    folder.path.mkdir()
    grown = [t for t in grown_search(space, 16, trials + 16) if t.outcome is not Outcome.RUNNING][:trials]
    records = [_renumbered(trial, number) for number, trial in enumerate(grown)]
    digest = check_data(space).split_digest
    write_ledger(f"sqlite:///{folder.path / 'ledger.db'}", "large", space, records, split_digest=digest)
    folder.freeze(space, {"search_id": "large-0", **provenance()})
    uri = default_tracking_uri(runs_dir)
    artifacts = str(store.artifact_folder(uri, runs_dir))
    lay_down(uri, space, records, search="large", search_id="large-0", artifacts=artifacts)


def _renumbered(trial: Any, number: int) -> Any:
    from dataclasses import replace

    return replace(trial, number=number)


def _measured(words: list[str], runs_dir: Path) -> dict[str, float]:
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "tuner", *words, "--runs-dir", str(runs_dir)],
        stdout=subprocess.DEVNULL,
        env=own_environment(),
    )
    peak = 0
    while process.poll() is None:
        peak = max(peak, _peak_kilobytes(process.pid))
        time.sleep(_PROBE_SECONDS)
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}")
    return {"seconds": round(time.perf_counter() - started, 1), "peak_memory_megabytes": round(peak / 1024)}


def _peak_kilobytes(process: int) -> int:
    """Return a process's peak memory; the count that the system keeps after its end includes its parent's."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
