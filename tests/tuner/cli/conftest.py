"""A space file and a search that has ended, for the tests of the commands."""

from pathlib import Path

import pytest
import yaml
from finished_search import finish_search
from simulated_search import MakeLedger, space_mapping

from tuner.ledger import SqlLedger


@pytest.fixture
def small_file(tmp_path: Path) -> str:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(space_mapping()))
    return str(path)


@pytest.fixture
def finished(make_ledger: MakeLedger) -> SqlLedger:
    """A search of five trials that ended, the first of them failed."""
    return finish_search(make_ledger)
