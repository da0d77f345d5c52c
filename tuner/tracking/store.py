"""Where MLflow keeps its records: whether the place answers, where artifacts go, and links to its pages."""

import http.client
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from tuner.database_url import file_of_url, require_file
from tuner.errors import UsageError, first_line
from tuner.redact import without_password
from tuner.runs.mirror import url_of

# Without it in a link MLflow 3 opens its pages for generative AI.
MODEL_TRAINING = "workflowType=machine_learning"


def artifact_folder(tracking_uri: str, runs_dir: Path) -> str | None:
    """Return the folder of a local store's artifacts; None for a server, which decides for itself."""
    if tracking_uri.startswith(("http://", "https://")):
        return None
    return url_of(runs_dir / "mlartifacts") or (runs_dir.resolve() / "mlartifacts").as_uri()


def require_uri(tracking_uri: str) -> None:
    """Raise UsageError if the address has not the form of an MLflow URI, or names a store that MLflow gave up."""
    if tracking_uri.startswith("file:"):
        raise UsageError(
            f"--tracking-uri {tracking_uri} names a folder of files, which MLflow 3 does not write any more: give a "
            "database such as sqlite:////path/mlflow.db, or the address of a server.",
            "--tracking-uri",
        )
    if "://" not in tracking_uri:
        raise UsageError(
            f"--tracking-uri {tracking_uri!r} must be a URI such as http://HOST:5000 or sqlite:////path/mlflow.db.",
            "--tracking-uri",
        )
    require_file(tracking_uri, "--tracking-uri")


def require_reachable(tracking_uri: str) -> None:
    """Raise UsageError if MLflow does not answer at this address, or refuses the credentials."""
    require_uri(tracking_uri)
    scheme = tracking_uri.partition("://")[0]
    if scheme not in {"http", "https"}:
        _require_database(tracking_uri)
        _require_schema(tracking_uri)
        return
    try:
        address = urlsplit(f"{tracking_uri.rstrip('/')}/health")
        # urllib does not accept USER:PASSWORD@HOST. A server that asks for the password has answered: that is enough.
        url = address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()
        urllib.request.urlopen(url, timeout=10).close()  # noqa: S310 - http(s) only
    except urllib.error.HTTPError as error:
        if error.code >= 500:
            raise _unreachable(tracking_uri, error) from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _unreachable(tracking_uri, error) from error
    _require_access(tracking_uri)


def _require_access(tracking_uri: str) -> None:
    """Send a request that needs the right to read, with the credentials that MLflow itself finds."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        MlflowClient(tracking_uri).search_experiments(max_results=1)
    except MlflowException as error:
        if error.error_code in {"UNAUTHENTICATED", "PERMISSION_DENIED"}:
            raise UsageError(
                f"MLflow at {without_password(tracking_uri)} refuses these credentials: set "
                "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.",
                "MLFLOW_TRACKING_USERNAME",
            ) from error


def view_query(key: str) -> str:
    """Return the part of a link that opens the saved view with this key."""
    return f"{MODEL_TRAINING}&viewStateShareKey={key}"


def view_link(tracking_uri: str, experiment_id: str, key: str) -> str | None:
    """Return the address of a saved view on a server; None for a database, which `tuner ui` opens."""
    if not tracking_uri.startswith(("http://", "https://")):
        return None
    return f"{tracking_uri.rstrip('/')}/#/experiments/{experiment_id}/runs?{view_query(key)}"


def _require_database(tracking_uri: str) -> None:
    import sqlalchemy

    try:
        url = sqlalchemy.engine.make_url(tracking_uri)
        if url.drivername.startswith("sqlite"):
            return
        sqlalchemy.create_engine(url).connect().close()
    except (sqlalchemy.exc.SQLAlchemyError, ModuleNotFoundError) as error:
        raise _unreachable(tracking_uri, error) from error


def _require_schema(tracking_uri: str) -> None:
    """Open the database with MLflow, which refuses what is none of its own or of another release."""
    from mlflow import MlflowClient

    file = file_of_url(tracking_uri)
    if file is not None and not file.exists():
        _require_place(file)
        return  # MLflow makes it
    if file is not None and file.is_dir():  # MLflow would try for minutes to open it
        raise UsageError(f"{file} is a folder, but MLflow's database is a file: move it away.", "--tracking-uri")
    try:
        _refuse_tables_of_others(tracking_uri)
        MlflowClient(tracking_uri).search_experiments(max_results=1)
    except Exception as error:
        raise UsageError(
            f"MLflow cannot use the database {without_password(tracking_uri)}: {first_line(error)}. If another release "
            "of MLflow wrote it, run `mlflow db upgrade`; else give another --tracking-uri.",
            "--tracking-uri",
        ) from error


def _refuse_tables_of_others(tracking_uri: str) -> None:
    """Raise ValueError for a ledger or the like: MLflow would add its tables to it before it fails."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(tracking_uri)
    tables = sqlalchemy.inspect(engine).get_table_names()
    engine.dispose()
    if "alembic_version" in tables and "experiments" not in tables:
        raise ValueError(f"it holds the tables of another program, {', '.join(tables)}")


def _require_place(file: Path) -> None:
    """Raise UsageError if no file can be made where MLflow's database is going to be; leave nothing there."""
    folder = next(parent for parent in file.absolute().parents if parent.exists())
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        what = f"MLflow's database {file} cannot be made: {folder} takes no file ({error.strerror})"
        raise UsageError(f"{what}. Check its rights, --tracking-uri and --runs-dir.", "--tracking-uri") from error


def _unreachable(tracking_uri: str, error: BaseException) -> UsageError:
    return UsageError(
        f"MLflow does not answer at {without_password(tracking_uri)}: {first_line(error)}. Start it with "
        "`mlflow server`, correct --tracking-uri or MLFLOW_TRACKING_URI, or leave both out to use a file.",
        without_password(tracking_uri),
    )


def views(tracking_uri: str) -> dict[str, str]:
    """Return the keys of the saved views in a store, each with the id of its experiment; the newest last."""
    from mlflow import MlflowClient

    from tuner.tracking.saved_view import view_keys

    found = MlflowClient(tracking_uri).search_experiments(order_by=["creation_time ASC"])
    return {key: e.experiment_id for e in found for key in view_keys(e.tags)}
