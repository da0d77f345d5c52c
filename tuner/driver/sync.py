"""`tuner sync`: write a search from its ledger into MLflow, whatever MLflow holds already."""

from pathlib import Path

from tuner.confirm.presentation import presentation_of
from tuner.engine.session_interface import Ending, closing_status
from tuner.errors import UsageError
from tuner.ledger import as_interrupted
from tuner.redact import without_password
from tuner.report.analysis.forecast_check import with_forecast
from tuner.report.load import search_data
from tuner.runs.find import find_search
from tuner.runs.folder import SearchFolder, recorded_space
from tuner.runs.lock import driver_lock
from tuner.search.stopping import finished
from tuner.tracking import store


def sync_search(runs_dir: Path, name: str, tracking_uri: str | None, ledger_url: str | None) -> tuple[int, str]:
    """Bring MLflow up to date with a search; return the number of its trials and the address of MLflow.

    Raise UsageError if MLflow does not answer, or if a driver runs the search.
    """
    folder = find_search(runs_dir, name)
    uri = folder.tracking_uri(tracking_uri)
    store.require_reachable(uri)
    # The driver of a running search writes MLflow itself, and two writers could make two runs of one trial.
    with driver_lock(folder.path, folder.ledger_url(ledger_url)):
        return _write(folder, uri, ledger_url), uri


def _write(folder: SearchFolder, uri: str, ledger_url: str | None) -> int:
    from mlflow.exceptions import MlflowException

    from tuner.tracking.projection import RefusedError, projection_of

    with folder.ledger(ledger_url) as ledger:
        space = recorded_space(ledger)
        trials = ledger.load()
        projection = projection_of(folder, space, ledger, uri)
    # No trial runs: no driver is at work, because this command holds the lock.
    data = with_forecast(search_data(folder.path.parent, folder.name, space, as_interrupted(trials)), space)
    files = [folder.space_file, *presentation_of(space).write_files(folder.path, data)]
    try:
        projection.write(trials, data)
        projection.write_rungs(data.rungs)
        ending = Ending.FINISHED if finished(space, trials) else Ending.INTERRUPTED
        projection.close(closing_status(ending, trials))
        projection.write_files(files)
    except (MlflowException, RefusedError, OSError) as error:
        address = without_password(uri)
        what = f"MLflow at {address} cannot be written"
        raise UsageError(f"{what}: {error}. Nothing is lost; try again.", address) from error
    return len(trials)
