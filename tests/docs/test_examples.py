"""The examples run as they are."""

import runpy
from pathlib import Path

import pytest
import torch
from documents import ROOT
from simulated_search import SEARCH, MakeLedger, drive, small_space

from tuner.search import Search

EXAMPLES = ROOT / "examples"
MOST_LINES = 60


def test_train_one_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    threads = torch.get_num_threads()
    try:
        runpy.run_path(str(EXAMPLES / "train_one_configuration.py"), run_name="__main__")
    finally:
        torch.set_num_threads(threads)
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.startswith("epoch ")]) == 5


def test_read_a_front(
    make_ledger: MakeLedger, runs_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    space = small_space(early_stopping={"scheduler": "none"})
    drive(Search(space, make_ledger(space)))
    monkeypatch.chdir(runs_dir.parent)
    monkeypatch.setattr("sys.argv", ["read_a_front.py", SEARCH])
    runpy.run_path(str(EXAMPLES / "read_a_front.py"), run_name="__main__")
    shown = capsys.readouterr().out
    assert shown.startswith(f"{SEARCH}: 12 trials")
    assert "chosen: trial " in shown


def test_the_examples_are_short_and_listed() -> None:
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for path in EXAMPLES.glob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES
        assert f"({path.name})" in listed
