"""The search of the tests in this folder."""

import pytest
from screen import SPACE
from simulated_search import MakeLedger

from tuner.search import Search


@pytest.fixture
def search(make_ledger: MakeLedger) -> Search:
    return Search(SPACE, make_ledger(SPACE))
