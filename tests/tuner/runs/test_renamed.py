import shutil
from pathlib import Path

import pytest
from raises_about import raises_about
from simulated_search import SEARCH

from tuner.errors import UsageError
from tuner.ledger import SqlLedger
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
    with raises_about(UsageError, ("renamed", SEARCH)):
        renamed.ledger()
    assert adopt_name(renamed, None) == SEARCH
    with renamed.ledger() as ledger:
        assert [(trial.parameters, list(trial.reports)) for trial in ledger.load()] == before
    assert adopt_name(renamed, None) == "renamed", "a second time changes nothing"


def test_a_copy_cannot_take_the_search_from_the_original(folder: SearchFolder) -> None:
    copy = SearchFolder(folder.path.with_name("copy"))
    shutil.copytree(folder.path, copy.path)
    with raises_about(UsageError, SEARCH):
        adopt_name(copy, None)
    with folder.ledger() as ledger:
        assert ledger.load()
