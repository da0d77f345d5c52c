"""The benchmark of everything that needs a GPU, tried on a CPU, and what it needs to be installed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gpu.curves import MNIST
from benchmarks.gpu.parts import PARTS
from benchmarks.gpu.record import run_units
from benchmarks.gpu.speed import CIFAR10
from training.config import parse_trial
from training.config.preset_files import with_preset
from tuner.space import load_space

ROOT = Path(__file__).parents[2]
ABOUT = {"machine": "here", "versions": {"torch": "2"}}
# What a bare machine with PyTorch lacks. None in sys.modules makes an import fail.
BLOCKED = (
    *("ray", "optuna", "mlflow", "torchattacks", "sklearn", "sqlalchemy", "ruamel", "ruamel.yaml", "scipy"),
    *("pydantic", "typer", "rich", "matplotlib", "plotly", "jinja2", "pyautoattack", "pyarrow"),
)


class Clock:
    """A clock that each unit moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def unit_of(clock: Clock, seconds: float, figures: dict[str, Any] | None, done: list[str], name: str) -> Any:
    def measure(deadline: float) -> dict[str, Any] | None:
        del deadline
        done.append(name)
        clock.now += seconds
        return figures

    return measure


def test_a_part_is_written_after_each_unit_and_continues_with_the_missing_ones(tmp_path: Path) -> None:
    clock, file = Clock(), tmp_path / "part-1.json"
    done: list[str] = []
    units = {name: unit_of(clock, 40, {"found": name}, done, name) for name in "abcd"}
    assert run_units(file, units, ABOUT, seconds=100, clock=clock) == ["c", "d"], "a third one would end too late"
    assert list(json.loads(file.read_text())["figures"]) == ["a", "b"]
    assert run_units(file, units, ABOUT, seconds=100, clock=clock) == []
    assert done == ["a", "b", "c", "d"]
    content = json.loads(file.read_text())
    assert content["machine"] == "here"
    assert [content["figures"][name]["found"] for name in "abcd"] == ["a", "b", "c", "d"]


def test_a_failure_is_recorded_and_an_unfinished_unit_is_not(tmp_path: Path) -> None:
    clock, file = Clock(), tmp_path / "part-1.json"
    done: list[str] = []

    def failing(deadline: float) -> dict[str, Any]:
        raise RuntimeError(deadline)

    units = {"a": failing, "b": unit_of(clock, 1, None, done, "b"), "c": unit_of(clock, 1, {}, done, "c")}
    assert run_units(file, units, ABOUT, seconds=10, clock=clock) == ["b", "c"]
    assert json.loads(file.read_text())["figures"]["a"]["failed"].startswith("RuntimeError")


def test_figures_of_two_machines_are_not_mixed(tmp_path: Path) -> None:
    clock, file = Clock(), tmp_path / "part-1.json"
    run_units(file, {"a": unit_of(clock, 1, {}, [], "a")}, ABOUT, seconds=10, clock=clock)
    with pytest.raises(ValueError, match="another folder"):
        run_units(file, {}, {**ABOUT, "machine": "there"}, seconds=10, clock=clock)


def test_its_trials_are_those_of_the_space_and_of_the_preset() -> None:
    space = load_space("cifar10_tradeoff")
    own, shipped = (
        config.to_mapping() for config in (parse_trial(CIFAR10), space.trial_config(space.search.start_points[0]))
    )
    kept = own.keys() - {"data_root", "eval_every", "rungs"}
    assert {key: own[key] for key in kept} == {key: shipped[key] for key in kept}
    assert parse_trial(MNIST) == parse_trial(with_preset({"preset": "mnist_shared_information"}))


def bare(code: str, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process in which the packages of a bare machine alone can be imported."""
    block = f"import sys; sys.modules.update(dict.fromkeys({BLOCKED!r})); sys.argv = {['gpu', *words]!r}\n"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-c", block + code]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("part", [number for number in PARTS if number not in {1, 6, 7}])
def test_each_part_runs_on_a_bare_machine(tmp_path: Path, part: int) -> None:
    """Parts 6 and 7 read digits on a CPU, for which they need scikit-learn; part 1 is the next test."""
    words = ("--part", str(part), "--device", "cpu", "--out", str(tmp_path))
    run = bare("import runpy; runpy.run_module('benchmarks.gpu', run_name='__main__')", *words, folder=ROOT)
    assert run.returncode == 0, run.stderr
    figures = json.loads((tmp_path / f"part-{part}.json").read_text())["figures"]
    assert figures
    assert not [name for name, found in figures.items() if "failed" in found], figures


@pytest.mark.slow
def test_the_gpu_tests_run_on_a_bare_machine() -> None:
    words = ["--noconftest", "-p", "no:cacheprovider", "tests/gpu"]
    run = bare(f"import pytest; sys.exit(pytest.main({words!r}))", folder=ROOT)
    assert run.returncode == 0, run.stdout


@pytest.mark.slow
@pytest.mark.parametrize("part", [6, 7])
def test_a_training_continues_from_its_checkpoint(tmp_path: Path, part: int) -> None:
    command = [sys.executable, "-m", "benchmarks.gpu", "--part", str(part), "--device", "cpu", "--out", str(tmp_path)]
    codes = [subprocess.run([*command, "--seconds", "0.001"], cwd=ROOT, check=False).returncode]
    while codes[-1] == 3:
        codes.append(subprocess.run([*command, "--seconds", "60"], cwd=ROOT, check=False).returncode)
    assert codes[0] == 3
    assert codes[-1] == 0
    figures = json.loads((tmp_path / f"part-{part}.json").read_text())["figures"]
    assert all(0 <= found["pgd_accuracy"] <= 1 for found in figures.values())
