"""Searches with `reseed: front`: which trials are repeats, what they cost, and that they follow from the ledger."""

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import simulated_search
from simulated_search import MakeLedger, drive, drive_to_the_end, measured, on_record, small_space
from test_forecast_search import run

from tuner.ledger import MemoryLedger, Outcome, TrialRecord
from tuner.search import Search
from tuner.space import MOST_SEEDS, Space

RESEED: dict[str, dict[str, Any]] = {
    "search": {"sampler": "forecast", "trials": 44, "reseed": "front"},
    "early_stopping": {"scheduler": "none"},
}


def space_with(**changes: dict[str, Any]) -> Space:
    return small_space(**{section: {**RESEED.get(section, {}), **changes.get(section, {})} for section in RESEED})


def noisy(parameters: Mapping[str, Any], epoch: int, noise: float = 0.1) -> dict[str, float]:
    """Return metrics with the luck of a training, which is another one with another seed."""
    luck = np.random.default_rng(zlib.crc32(repr(sorted(parameters.items())).encode())).normal(0.0, noise, 2)
    found = measured(parameters, epoch)
    return {name: value + extra for (name, value), extra in zip(found.items(), [*luck, 0.0], strict=True)}


def split(trials: list[TrialRecord]) -> tuple[list[TrialRecord], list[TrialRecord]]:
    """Return the first trials of points, and the repeats."""
    firsts = [trial for trial in trials if "seed" not in trial.parameters]
    return firsts, [trial for trial in trials if "seed" in trial.parameters]


@pytest.mark.parametrize("workers", [1, 4])
def test_a_repeat_trains_a_completed_point_to_the_end_with_the_next_seed(workers: int) -> None:
    firsts, repeats = split(run(Search(space_with(), MemoryLedger()), workers, noisy))
    assert len(firsts) + len(repeats) == 44, "repeats are trials of the budget"
    assert 2 <= len(repeats) < len(firsts)
    seeds: dict[int, list[int]] = {}
    for repeat in repeats:
        point = {name: value for name, value in repeat.parameters.items() if name != "seed"}
        (first,) = (trial for trial in firsts if trial.parameters == point)
        seeds.setdefault(first.number, []).append(repeat.parameters["seed"])
        assert first.outcome is repeat.outcome is Outcome.COMPLETED
        assert not any(report.rung for report in repeat.reports), "it is judged at no rung"
    base = space_with().search.seed
    assert all(used == [base + 1 + k for k in range(len(used))] for used in seeds.values())
    assert max(map(len, seeds.values())) < MOST_SEEDS


def test_a_training_that_another_seed_does_not_change_is_repeated_less() -> None:
    """Not never: the models see some noise where there is none, and to a nearly complete front new points add less."""
    _, repeats = split(run(Search(space_with(), MemoryLedger()), 1, measured))
    _, noisy_repeats = split(run(Search(space_with(), MemoryLedger()), 1, noisy))
    assert 2 * len(repeats) < len(noisy_repeats)


def test_without_the_key_nothing_is_repeated() -> None:
    _, repeats = split(run(Search(space_with(search={"reseed": "none", "trials": 16}), MemoryLedger()), 1, noisy))
    assert repeats == []


@pytest.mark.parametrize(
    ("sampler", "scheduler"),
    [("motpe", "mo_asha"), ("nsga2", "forecast"), ("forecast", "mo_asha"), ("forecast", "forecast")],
)
def test_it_works_with_each_sampler_and_scheduler(sampler: str, scheduler: str) -> None:
    space = space_with(search={"sampler": sampler, "trials": 60}, early_stopping={"scheduler": scheduler})
    firsts, repeats = split(run(Search(space, MemoryLedger()), 3, noisy))
    assert len(repeats) >= 1
    points = {tuple(trial.parameters.items()) for trial in firsts}
    assert len(points) == len(firsts), "no point is proposed anew"


def test_a_point_whose_repeat_has_failed_is_not_repeated_again() -> None:
    search = Search(space_with(), MemoryLedger())
    while (assignment := search.next_assignment()) is not None:
        if "seed" in assignment.parameters:
            search.fail(assignment.number, "diverged")
            continue
        for epoch in range(1, 10):
            if search.report(assignment.number, epoch, noisy(assignment.parameters, epoch), None) != "continue":
                break
    _, repeats = split(search.trials)
    assert len(repeats) >= 2
    assert {repeat.parameters["seed"] for repeat in repeats} == {space_with().search.seed + 1}
    assert len({tuple(repeat.parameters.items()) for repeat in repeats}) == len(repeats)


def test_a_killed_driver_repeats_what_an_uninterrupted_one_repeats(
    make_ledger: MakeLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulated_search, "measured", noisy)
    space = space_with(search={"trials": 30})
    whole, broken = make_ledger(space, "whole"), make_ledger(space, "broken")
    drive(Search(space, whole))
    assert split(whole.load())[1]
    assert drive_to_the_end(space, broken, lambda: 40) > 3
    assert on_record(broken) == on_record(whole)


def test_patience_counts_points_only() -> None:
    """A repeat adds no point, so that it can neither grow the front nor end the search."""
    space = space_with(search={"patience": 12, "trials": 60})
    trials = run(Search(space, MemoryLedger()), 1, noisy)
    firsts, repeats = split(trials)
    assert repeats
    assert len(firsts) > 12


def test_beyond_a_constraint_nothing_is_repeated() -> None:
    space = Space.model_validate({**space_with().model_dump(), "constraints": {"loss/total": {"at_most": 0.5}}})

    def metrics(parameters: Mapping[str, Any], epoch: int) -> dict[str, float]:
        return {**noisy(parameters, epoch), "loss/total": parameters["alpha"]}

    _, repeats = split(run(Search(space, MemoryLedger()), 1, metrics))
    assert repeats
    assert all(repeat.parameters["alpha"] <= 0.5 for repeat in repeats)
