import shutil
from pathlib import Path

import pytest
from raises_about import raises_about
from simulated_search import SEARCH

from tuner.errors import UsageError
from tuner.ledger import SqlLedger, default_ledger_url
from tuner.runs.folder import SearchFolder
from tuner.runs.renamed import adopt_name


@pytest.fixture
def folder(finished: SqlLedger, runs_dir: Path) -> SearchFolder:
    """A finished search."""
    finished.close()
    return SearchFolder(runs_dir / SEARCH)


def test_a_renamed_folder_is_named_and_can_keep_its_new_name(folder: SearchFolder) -> None:
    with folder.ledger() as ledger:
        before = [(trial.parameters, list(trial.reports)) for trial in ledger.load()]
    renamed = SearchFolder(folder.path.rename(folder.path.with_name("renamed")))
    with raises_about(UsageError, ("renamed", SEARCH)) as shown:
        renamed.ledger()
    assert f"`tuner adopt renamed --runs-dir {renamed.path.parent}`" in str(shown.value)
    assert adopt_name(renamed, None) == SEARCH
    with renamed.ledger() as ledger:
        assert [(trial.parameters, list(trial.reports)) for trial in ledger.load()] == before
    assert adopt_name(renamed, None) == "renamed", "a second time changes nothing"


def test_a_copy_cannot_take_the_search_from_the_original(folder: SearchFolder) -> None:
    copy = SearchFolder(folder.path.with_name("copy"))
    shutil.copytree(folder.path, copy.path)
    for use in (copy.ledger, lambda: adopt_name(copy, None)):
        with raises_about(UsageError, SEARCH) as refused:
            use()
        assert str(folder.path) in str(refused.value)
    with folder.ledger() as ledger:
        assert ledger.load()


def test_a_renamed_folder_in_a_shared_ledger_needs_a_name_that_is_free_there(
    folder: SearchFolder,
) -> None:
    shared = default_ledger_url(folder.path.parent)
    (folder.path / "ledger.db").rename(folder.path.parent / "ledger.db")
    folder.freeze(folder.space(), {**folder.frozen(), "ledger": shared})
    SqlLedger.create(shared, "taken", folder.space().objective_list, {}).close()
    renamed = SearchFolder(folder.path.rename(folder.path.with_name("taken")))
    with raises_about(UsageError, ("taken", SEARCH)):
        renamed.ledger()
    with raises_about(UsageError, "taken"):
        adopt_name(renamed, None)
    free = SearchFolder(renamed.path.rename(renamed.path.with_name("free")))
    assert adopt_name(free, None) == SEARCH
    with free.ledger() as ledger:
        assert ledger.load()[0].reports


@pytest.mark.parametrize("name", ["my run (copy)", "-a", "mlflow.db", "a" * 93])
def test_a_name_that_no_new_search_may_have_is_not_adopted(folder: SearchFolder, name: str) -> None:
    renamed = SearchFolder(folder.path.rename(folder.path.with_name(name)))
    with raises_about(UsageError, ("The folder's name", name)):
        adopt_name(renamed, None)
    with raises_about(UsageError, (name, SEARCH)) as shown:
        renamed.ledger()
    assert ("tuner adopt" in str(shown.value)) == (name == "mlflow.db")
