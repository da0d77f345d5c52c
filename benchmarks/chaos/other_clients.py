"""Other programs that write into a search that is attacked: optuna-dashboard, and clients of Optuna and MLflow."""

import json
import random
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optuna.trial import TrialState

from benchmarks.postgres_server import free_port
from tuner.ledger import default_ledger_url

_PAUSE_SECONDS = 0.3
_POINT = {"alpha": 0.5, "lambda": 1.0}


@contextmanager
def other_clients(folder: Path, rng: random.Random, *, only_notes: bool) -> Iterator[Counter[str]]:
    """Let the clients write at random during the block; count what they wrote.

    With `only_notes` they write nothing that changes which trials there are: the search must then end, to the last bit,
    as without them.
    """
    written: Counter[str] = Counter()
    ended = threading.Event()
    writer = threading.Thread(target=_write_until, args=(ended, folder, rng, written, only_notes))
    writer.start()
    try:
        yield written
    finally:
        ended.set()
        writer.join()


def _write_until(
    ended: threading.Event, folder: Path, rng: random.Random, written: Counter[str], only_notes: bool
) -> None:
    while not (folder / "space.yaml").exists():
        if ended.wait(_PAUSE_SECONDS):
            return
    port = free_port()
    url = default_ledger_url(folder)
    dashboard = [str(Path(sys.executable).with_name("optuna-dashboard")), url, "--port", str(port), "--quiet"]
    with subprocess.Popen(dashboard, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        clients = _Clients(folder, f"http://127.0.0.1:{port}", url, rng)
        actions = [clients.note, clients.mark, clients.tag]
        if not only_notes:
            actions += [clients.enqueue, clients.add, clients.end]
        while not ended.wait(rng.uniform(0, 2 * _PAUSE_SECONDS)):
            action = rng.choice(actions)
            # A client may meet a search that is being made, or a database that is locked; it tries again later.
            try:
                action()
                written[action.__name__] += 1
            except Exception:  # noqa: BLE001 - counted, so that a client which never succeeds is seen
                written[f"{action.__name__}, refused"] += 1
        process.terminate()


class _Clients:
    """One method for each kind of write."""

    def __init__(self, folder: Path, dashboard: str, url: str, rng: random.Random) -> None:
        self._folder = folder
        self._dashboard = dashboard
        self._url = url
        self._rng = rng
        self._version = 0

    def note(self) -> None:
        """Write the study's note in the dashboard."""
        self._version += 1
        self._ask("PUT", "/api/studies/1/note", {"body": f"note {self._version}", "version": self._version})

    def mark(self) -> None:
        """Write a user attribute of a random trial in the dashboard."""
        trial = self._rng.randint(1, 40)
        self._ask("POST", f"/api/trials/{trial}/user-attrs", {"user_attrs": {"seen": self._rng.random()}})

    def enqueue(self) -> None:
        """Enqueue a random point of the space, or one outside it."""
        inside = {"alpha": self._rng.random(), "lambda": self._rng.uniform(0.1, 5)}
        self._study().enqueue_trial(self._rng.choice([inside, {"alpha": 7.0}]))

    def add(self) -> None:
        """Add a trial that this search never ran."""
        from optuna.distributions import BaseDistribution, FloatDistribution
        from optuna.trial import create_trial

        alpha, lam = FloatDistribution(0, 1), FloatDistribution(0.01, 10, log=True)
        ranges: dict[str, BaseDistribution] = {"alpha": alpha, "lambda": lam}
        self._study().add_trial(create_trial(params=_POINT, distributions=ranges, values=[0.99, 0.99]))

    def end(self) -> None:
        """End a running trial of the search as failed, as the dashboard's button does."""
        study = self._study()
        running = [t.number for t in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))]
        study.tell(self._rng.choice(running), state=TrialState.FAIL)

    def tag(self) -> None:
        """Write a tag of a random run of the search in MLflow."""
        from mlflow import MlflowClient

        client = MlflowClient(f"sqlite:///{self._folder.parent / 'mlflow.db'}")
        experiments = [experiment.experiment_id for experiment in client.search_experiments()]
        runs = client.search_runs(experiments, f"tags.`tuner.search` = '{self._folder.name}'")
        client.set_tag(self._rng.choice(runs).info.run_id, "colour", str(self._rng.random()))

    def _study(self) -> Any:
        import optuna

        return optuna.load_study(study_name=self._folder.name, storage=self._url)

    def _ask(self, method: str, path: str, content: dict[str, Any]) -> None:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(  # noqa: S310 - this machine's own server
            self._dashboard + path, json.dumps(content).encode(), headers, method=method
        )
        urllib.request.urlopen(request, timeout=5).close()  # noqa: S310
