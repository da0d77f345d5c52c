"""Equal options make equal plans, and a search that ends early leaves its kills to the next one."""

from argparse import Namespace
from collections import Counter

from benchmarks.chaos.plan import Plan
from benchmarks.chaos.victims import Victim

OPTIONS = Namespace(kills=100, searches=8, trials=16, seed=5)


def test_two_plans_of_the_same_options_are_equal() -> None:
    first, second = Plan(OPTIONS).turn(3), Plan(OPTIONS).turn(3)
    assert first == second
    assert first.rng().random() == second.rng().random() == first.rng().random()
    assert first.words == ["--trials", "16", "--seed", "8", "--concurrency", "1"]


def test_every_kill_is_in_one_search_however_early_they_end() -> None:
    plan = Plan(OPTIONS)
    carried_out: list[Victim] = []
    for index in range(100):
        victims = plan.turn(index).victims
        assert len(victims) <= 13
        done = victims[: len(victims) - index % 2]
        carried_out += done
        plan.carried_out(len(done))
    assert plan.left == 0
    assert Counter(carried_out) == {Victim.DRIVER: 30, Victim.TRIAL: 50, Victim.RAYLET: 15, Victim.HEAD: 5}
