"""A search with a trained trial, for the tests of exported and of registered models."""

from pathlib import Path

import pytest
from simulated_search import MakeLedger
from trained_trials import load_model, trained_search

from tuner.export.trained_model import TrainedModel
from tuner.ledger import SqlLedger


@pytest.fixture
def trained(make_ledger: MakeLedger, runs_dir: Path) -> SqlLedger:
    return trained_search(make_ledger, runs_dir)


@pytest.fixture
def model(trained: SqlLedger, runs_dir: Path) -> TrainedModel:
    return load_model(trained, runs_dir)
