"""The examples run as they are."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import torch
from documents import ROOT
from nbclient import NotebookClient
from simulated_search import SEARCH, MakeLedger, drive, small_space

from benchmarks.surroundings import own_environment
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
    for path in [*EXAMPLES.glob("*.py"), *EXAMPLES.glob("*.ipynb")]:
        if path.suffix == ".py":
            assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES
        assert f"({path.name})" in listed


@pytest.mark.slow
def test_run_a_search(tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, str(EXAMPLES / "run_a_search.py")],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=own_environment(),
    )
    assert shown.returncode == 0, shown.stderr
    assert "classes of two random images" in shown.stdout
    assert (tmp_path / "runs" / "in_python" / "front.html").is_file()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_notebook_runs_and_shows_tables_and_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in set(os.environ) - set(own_environment()):
        monkeypatch.delenv(variable)
    text = (EXAMPLES / "search_in_a_notebook.ipynb").read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
    assert not any(cell.get("outputs") for cell in notebook.cells), "the file holds no results of a run"
    NotebookClient(notebook, timeout=500, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output.data for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output]
    assert sum("application/vnd.plotly.v1+json" in data for data in shown) == 2
    assert sum("<table" in data.get("text/html", "") for data in shown) == 2
    assert (tmp_path / "runs" / "notebook" / "front.html").is_file()
