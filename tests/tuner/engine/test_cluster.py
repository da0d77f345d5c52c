"""What can be checked of a Ray cluster without one."""

from functools import partial

import pytest
from raises_about import raises_about

from tuner.engine import cluster
from tuner.errors import UsageError
from tuner.space.sections import ResourcesSpec


def resources(gpus: float = 0, cpus: float = 1) -> ResourcesSpec:
    return ResourcesSpec(gpus_per_trial=gpus, cpus_per_trial=cpus)


@pytest.mark.parametrize(
    ("have", "want", "expected"),
    [
        ([{"CPU": 8}], resources(cpus=1), 8),
        ([{"CPU": 8}], resources(cpus=3), 2),
        ([{"CPU": 8, "GPU": 2}], resources(gpus=1, cpus=1), 2),
        ([{"CPU": 8, "GPU": 2}], resources(gpus=0.25, cpus=1), 8),
        ([{"CPU": 16, "GPU": 2}], resources(gpus=0.25, cpus=4), 4),
        ([{"CPU": 1}], resources(cpus=0.1), 10),
        ([{"CPU": 0.3}], resources(cpus=0.1), 3),
        ([{"CPU": 1}], resources(cpus=4), 1),
        ([{"CPU": 4}], resources(gpus=1), 1),
        ([{"CPU": 3}, {"CPU": 3}, {"CPU": 1}], resources(cpus=2), 2),
        ([{"CPU": 64}, {"CPU": 2, "GPU": 4}], resources(gpus=1, cpus=1), 2),
        ([], resources(), 1),
    ],
)
def test_places_are_how_many_trials_fit_but_at_least_one(
    have: list[dict[str, float]], want: ResourcesSpec, expected: int
) -> None:
    assert cluster.places(have, want) == expected


def test_the_limit_is_what_was_asked_for_or_what_fits_now() -> None:
    have, now = {"CPU": 4.0}, 0.0
    assert cluster.trial_limit(resources(), lambda: 3, lambda: [have])() == 3
    limit = cluster.trial_limit(resources(), lambda: None, lambda: [have], lambda: now)
    assert limit() == 4
    have = {"CPU": 6.0}
    assert limit() == 4, "asked a moment ago"
    now = 6.0
    assert limit() == 6


def test_what_no_node_can_offer_is_refused_with_a_way_out() -> None:
    require = partial(cluster.require_resources, nodes=lambda: [{"CPU": 2.0, "memory": 1e9}])
    require(resources(cpus=2), "digits_tradeoff")
    for wanted, flag, value in (
        (resources(gpus=1), "--gpus-per-trial", 0),
        (resources(cpus=2.5), "--cpus-per-trial", 2),
    ):
        with raises_about(UsageError, (flag,)) as caught:
            require(wanted, "cifar10_tradeoff")
        assert all(fact in str(caught.value) for fact in ("cifar10_tradeoff", f"{flag} {value}"))


def test_a_wrong_number_for_ray_is_refused_by_the_name_of_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cluster.HEAD_PATIENCE, "a minute")
    with raises_about(UsageError, cluster.HEAD_PATIENCE):
        cluster.connect(None)


def test_a_trial_must_fit_on_one_node() -> None:
    require = partial(cluster.require_resources, nodes=lambda: [{"CPU": 4.0}, {"CPU": 2.0, "GPU": 1.0}])
    require(resources(cpus=4), "small")
    for wanted, best in ((resources(cpus=6), 4), (resources(gpus=1, cpus=4), 2)):
        with raises_about(UsageError, ("--cpus-per-trial",)) as caught:
            require(wanted, "small")
        assert all(fact in str(caught.value) for fact in (f"--cpus-per-trial {best}", "2 nodes"))


def test_a_node_that_has_died_offers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    nodes = [{"Alive": True, "Resources": {"CPU": 2.0}}, {"Alive": False, "Resources": {"CPU": 8.0}}]
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    assert cluster.alive_nodes() == [{"CPU": 2.0}]
