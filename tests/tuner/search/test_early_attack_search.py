"""A search whose early evaluations have a cheaper attack: nothing compares its values with final ones."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from simulated_search import measured, small_space

from tuner.ledger import Decision, MemoryLedger, Outcome, TrialRecord
from tuner.report.analysis.front_data import front_data
from tuner.search import Search
from tuner.search.stopping import longest_wait
from tuner.space import Space
from tuner.space.continued import differing_keys

CHEAP = {"eval_attack_steps": 20, "eval_early_attack_steps": 5}
# The sampler does not look at values, so that only decisions could mix them.
SPACE = small_space(trial=CHEAP, search={"sampler": "random", "trials": 30})


def under_the_cheap_attack(parameters: Mapping[str, Any], epoch: int) -> dict[str, float]:
    """Return the metrics of the simulation, with a PGD accuracy before the end that every final one is far below."""
    metrics = measured(parameters, epoch)
    return metrics if epoch == SPACE.epochs else {**metrics, "pgd_accuracy": 0.8 + metrics["pgd_accuracy"] / 8}


def driven(space: Space, metrics: Callable[[Mapping[str, Any], int], dict[str, float]]) -> list[TrialRecord]:
    search = Search(space, MemoryLedger(), clock=lambda: 0.0)
    while (assignment := search.next_assignment()) is not None:
        for epoch in range(1, search.epochs + 1):
            found = metrics(assignment.parameters, epoch)
            if search.report(assignment.number, epoch, found, None) is not Decision.CONTINUE:
                break
    return search.trials


def test_decisions_and_front_are_those_of_a_search_with_one_attack() -> None:
    """The attack changes the values of a rung but not their order, so a rung must decide the same."""
    cheap, strong = driven(SPACE, under_the_cheap_attack), driven(SPACE, measured)
    assert {trial.outcome for trial in cheap} == {Outcome.COMPLETED, Outcome.STOPPED}
    assert [trial.outcome for trial in cheap] == [trial.outcome for trial in strong]
    fronts = [front_data("a", trials, SPACE.objective_list, SPACE.reference) for trials in (cheap, strong)]
    assert fronts[0].points == fronts[1].points
    assert fronts[0].hypervolume == fronts[1].hypervolume
    assert longest_wait(SPACE, cheap) == longest_wait(SPACE, strong)
    early = [trial.metrics["pgd_accuracy"] for trial in fronts[0].unfinished]
    assert min(early) > max(point.metrics["pgd_accuracy"] for point in fronts[0].points)


@pytest.mark.parametrize(("before", "after"), [(0, 5), (5, 0), (5, 2)])
def test_a_resume_with_another_early_attack_is_refused(before: int, after: int) -> None:
    recorded, asked = (small_space(trial={"eval_early_attack_steps": steps}) for steps in (before, after))
    assert differing_keys(recorded, asked) == {"trial.eval_early_attack_steps": (before, after)}
    assert differing_keys(small_space(), small_space(trial={"eval_early_attack_steps": 0})) == {}
