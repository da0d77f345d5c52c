"""Settings of every test, and the searches on disk that tests of `tuner` fill."""

import gc
import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from finished_search import finish_search
from hypothesis import settings
from simulated_search import MakeLedger, Searches, new_search, small_space, space_mapping
from typed_commands import Answer, Tuner

from benchmarks.surroundings import USER_SETTINGS
from training.yaml_text import format_yaml
from tuner.cli import main
from tuner.ledger import SqlLedger
from tuner.search import Search

if TYPE_CHECKING:
    import optuna

# Before torch is imported: the tests' tensors are too small to share among threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The first example pays for imports, and the machine may be busy: time says nothing about a property.
settings.register_profile("project", deadline=None)
settings.load_profile("project")


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Escape lone surrogates, which tests of wrong input print.

    pytest-xdist cannot send them: its worker ends, and nobody sees which test failed.
    """
    report = yield
    return printable(report)


def printable(node: Any) -> Any:
    if isinstance(node, str):
        return node.encode(errors="backslashreplace").decode()
    if isinstance(node, dict):
        return {printable(key): printable(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return type(node)(map(printable, node))
    return node


@pytest.fixture(autouse=True)
def collect_garbage(request: pytest.FixtureRequest) -> Iterator[None]:
    """Collect what a slow test leaves: an error in a destructor fails the test that runs then, which must be this one.

    It is the first fixture in this file, so that it ends after the others.
    """
    yield
    if request.node.get_closest_marker("slow") is not None:
        gc.collect()


@pytest.fixture(autouse=True)
def forget_code_of_a_test(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Forget the folders in which a test looks for code, and what it imports from a temporary one.

    The next test may have another file of the same name.
    """
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    temporary = str(tmp_path_factory.getbasetemp())
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(temporary):
            del sys.modules[name]


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with Optuna's tables, which take a quarter of a second to make."""
    from optuna.storages import RDBStorage

    path = tmp_path_factory.mktemp("database") / "empty.db"
    RDBStorage(f"sqlite:///{path}").remove_session()
    return path


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    """The folder of all searches, not made yet."""
    return tmp_path / "runs"


@pytest.fixture
def make_ledger(runs_dir: Path, empty_database: Path) -> Iterator[MakeLedger]:
    """Make the folder and the ledger of a search under `runs_dir`."""
    searches = Searches(runs_dir, empty_database)
    yield searches.make_ledger
    searches.close()


@pytest.fixture
def ledger(make_ledger: MakeLedger) -> SqlLedger:
    """The ledger of a small search without trials; some modules have another one."""
    return make_ledger(small_space())


@pytest.fixture
def study(ledger: SqlLedger) -> "optuna.Study":
    """The study of `ledger`, as another program opens it."""
    import optuna

    return optuna.load_study(study_name=ledger.search, storage=ledger.url)


@pytest.fixture
def small_file(tmp_path: Path) -> str:
    """The file of a small space."""
    path = tmp_path / "small.yaml"
    path.write_text(format_yaml(space_mapping()))
    return str(path)


@pytest.fixture
def search(make_ledger: MakeLedger) -> Search:
    """A search of three trials, none of which is proposed yet."""
    return new_search(make_ledger, search={"trials": 3})


@pytest.fixture
def finished(make_ledger: MakeLedger) -> SqlLedger:
    """A search of five trials that ended, the first of them failed."""
    return finish_search(make_ledger)


@pytest.fixture
def trained(make_ledger: MakeLedger, runs_dir: Path) -> SqlLedger:
    """A search whose trial 0 was really trained."""
    from trained_trials import trained_search

    return trained_search(make_ledger, runs_dir)


@pytest.fixture
def tuner(tmp_path: Path, runs_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tuner:
    """Run a command on `runs_dir` from a folder of its own, with no setting from outside."""
    for key in USER_SETTINGS:
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("TUNER_RUNS_DIR", str(runs_dir))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Answer:
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main(list(arguments))
        out, err = capsys.readouterr()
        code = exit_.value.code
        assert isinstance(code, int)
        return Answer(code, out, err)

    return call


@pytest.fixture(scope="session")
def mlflow_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One MLflow store for all tests: making its tables takes seconds."""
    from tuner.tracking.projection import Projection

    uri = f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"
    assert Projection(uri, small_space(), "search", "id", None)._client.tracking_uri == uri
    return uri
