"""Samplers from outside: Optuna's Halton sequence as the document has it, and what is refused."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.distributions import BaseDistribution, FloatDistribution
from plug_ins import plug_ins
from raises_about import raises_about
from scipy.stats import qmc
from simulated_search import MakeLedger, drive, small_space

from training.outside_code import look_in
from tuner.errors import UsageError
from tuner.search import Search
from tuner.search.sampling import Evidence, propose
from tuner.search.sampling.attempt import try_sampler
from tuner.space import Space
from tuner.space.samplers import SAMPLERS, facts_of, learning_samplers

ROOT = Path(__file__).parents[4]
SPACE: dict[str, BaseDistribution] = {"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(0.0, 2.0)}
NOTHING = Evidence([], [], [])
CODE = """
import random
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from tuner.space.samplers import SAMPLERS, SamplerFacts

@SAMPLERS.register("flat", facts=SamplerFacts(conditions=False))
def flat(seed):
    return RandomSampler(seed=seed)

def learns(seed, evidence):
    return TPESampler(seed=seed, n_startup_trials=1)

def number_alone(number): return number
def raises(seed): raise OSError("no file")
def unsettled(): return RandomSampler(seed=random.randrange(10**6))
def greedy(seed, budget): return RandomSampler(seed=seed)

class Outside(RandomSampler):
    def sample_independent(self, study, trial, param_name, param_distribution):
        return 7.5

class Fails(RandomSampler):
    def sample_independent(self, study, trial, param_name, param_distribution):
        raise KeyError(param_name)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    text = (ROOT / "docs" / "plug-ins.md").read_text(encoding="utf-8")
    (halton,) = re.findall(r"```python\n(from optuna.samplers import QMCSampler.*?)```", text, re.DOTALL)
    with plug_ins(tmp_path, {"own_sampler.py": halton, "my_samplers.py": CODE}):
        yield tmp_path
    SAMPLERS._entries.pop("flat", None)


def with_sampler(name: str, **more: Any) -> Space:
    return small_space(search={"sampler": name, "trials": 5}, **more)


def test_the_halton_sequence_is_that_of_scipy() -> None:
    points = [propose("own_sampler:Halton", SPACE, 2, NOTHING, seed=3, number=n) for n in range(8)]
    expected = qmc.Halton(2, seed=3, scramble=True).random(8) * [1, 2]
    assert np.allclose([[point["x"], point["y"]] for point in points], expected)


def test_a_search_with_a_sampler_from_outside_is_repeatable(make_ledger: MakeLedger) -> None:
    space = with_sampler("own_sampler:Halton")
    try_sampler(space)
    assert space.outside_modules == ["own_sampler"]
    first, second = Search(space, make_ledger(space)), Search(space, make_ledger(space, "again"))
    drive(first)
    drive(second)
    points = [trial.parameters for trial in first.trials]
    assert [trial.parameters for trial in second.trials] == points
    assert len({str(point) for point in points}) == 5


def test_one_that_learns_sees_the_measured_trials() -> None:
    known = Evidence(
        [({"x": x, "y": y}, np.array([x + y])) for x, y in np.random.default_rng(0).random((30, 2))], [], []
    )
    points = [propose("my_samplers:learns", SPACE, 1, known, seed=0, number=n) for n in range(10)]
    assert np.median([point["x"] + point["y"] for point in points]) < 0.8


def test_the_facts_of_the_project_s_samplers() -> None:
    assert set(SAMPLERS) - {"flat"} == {"forecast", "gp", "grid", "motpe", "nsga2", "random"}
    assert learning_samplers() == ["forecast", "gp", "motpe", "nsga2"]
    assert [name for name in SAMPLERS if not facts_of(name).proposes] == ["grid"]
    assert [name for name in SAMPLERS if facts_of(name).slow] == ["forecast", "gp"]


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("motp", "motpe?"),
        ("no_such_module:Halton", "no_such_module"),
        ("own_sampler:Halten", "Halton?"),
        ("my_samplers:greedy", "budget"),
    ],
)
def test_an_unknown_sampler_is_a_fault_of_the_space(name: str, word: str) -> None:
    with raises_about(UsageError, ("search.sampler",)) as refused:
        with_sampler(name)
    assert word in str(refused.value)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("number_alone", "is a int"),
        ("raises", "OSError: no file"),
        ("unsettled", "same trial"),
        ("Outside", "7.5"),
        ("Fails", "KeyError"),
    ],
)
def test_an_unfit_sampler_is_refused_before_the_search(name: str, word: str) -> None:
    with raises_about(UsageError, "search.sampler") as refused:
        try_sampler(with_sampler(f"my_samplers:{name}"))
    assert word in str(refused.value)
    assert name in str(refused.value)


def test_a_sampler_can_refuse_conditions(tmp_path: Path) -> None:
    look_in(tmp_path)
    condition = {"type": "float", "low": 0.1, "high": 1.0, "when": {"bottleneck": [16]}}
    with_sampler("my_samplers:flat")
    with raises_about(UsageError, ("search.sampler",)):
        with_sampler("my_samplers:flat", parameters={"sigma_bias": condition})
