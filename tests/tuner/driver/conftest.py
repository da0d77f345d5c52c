"""The driver of the tests in this folder."""

from pathlib import Path

import pytest
from simulated_driver import Driver


@pytest.fixture
def driver(runs_dir: Path) -> Driver:
    return Driver(runs_dir)
