import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from stand_ins import make_config, make_data

from training.config import ConfigError, TrialConfig
from training.trainer import DivergedError, Trainer
from training.trainer.rung_schedules import (
    begins_anew,
    branch_config,
    compared_after,
    progress_at,
    segments,
    total_epochs,
)
from training.trainer.schedules import scheduled_lambda, scheduled_learning_rate

WAYS = ("restart", "continue", "branch")
# Dropout draws from torch's global generator, the crop from the trial's own; MINE has weights of its own.
CHANGES: list[dict[str, Any]] = [
    {"architecture": "cnn4", "augmentation": "crop_flip"},
    {"information_estimator": "mine", "optimiser": "adam"},
]

configs = st.builds(
    lambda rungs, rest, way: TrialConfig(rungs=tuple(sorted(rungs)), rung_schedule=way, epochs=max(rungs) + rest),
    st.sets(st.integers(1, 60), min_size=1, max_size=4),
    st.integers(1, 60),
    st.sampled_from(WAYS),
)


def ignore(_epoch: int, _metrics: Mapping[str, float], _save: Callable[[Path], None]) -> None:
    pass


def begun(config: TrialConfig) -> Trainer:
    """Give a trainer of two steps an epoch."""
    return Trainer(config, make_data(side=16, train=32), "cpu")


def trained(config: TrialConfig) -> Trainer:
    trainer = begun(config)
    trainer.run(ignore)
    return trainer


def kept(history: list[dict[str, float]]) -> list[dict[str, float]]:
    """Leave out what a branch adds, and the time."""
    added = ("rung/", "branch_epochs", "seconds")
    return [{k: v for k, v in m.items() if not k.startswith(added)} for m in history]


def weights_are_equal(one: Trainer, other: Trainer) -> bool:
    expected = other.model.state_dict()
    return all(torch.equal(value, expected[key]) for key, value in one.model.state_dict().items())


def accuracies_at(**changes: Any) -> list[int]:
    """Give the epochs of a whole training whose accuracies are known."""
    history = trained(make_config(architecture="cnn4", epochs=6, eval_every=4, **changes)).history
    measured = [epoch for epoch, metrics in enumerate(history, start=1) if "pgd_accuracy" in metrics]
    assert measured == [epoch for epoch, metrics in enumerate(history, start=1) if "natural_accuracy" in metrics]
    return measured


def test_every_so_many_epochs_are_evaluated_and_all_at_which_trials_compare() -> None:
    assert accuracies_at() == [4, 6]
    assert accuracies_at(rungs=[1, 3]) == [1, 3, 4, 6]
    assert accuracies_at(rungs=[1, 3], rung_schedule="continue") == [1, 3, 4, 6]
    # 1 epoch, then 3, then all 6, each from new weights
    assert accuracies_at(rungs=[1, 3], rung_schedule="restart") == [1, 4, 8, 10]


def test_how_often_it_evaluates_changes_nothing_in_training() -> None:
    often, seldom = (trained(make_config(architecture="cnn4", epochs=3, eval_every=every)) for every in (1, 3))
    assert weights_are_equal(often, seldom)
    assert {**often.history[-1], "seconds": 0} == {**seldom.history[-1], "seconds": 0}


@given(configs)
def test_segments_follow_each_other_and_end_at_the_rungs(config: TrialConfig) -> None:
    found = segments(config)
    assert found[0].start == 0
    assert all(two.start == one.start + one.epochs for one, two in pairwise(found))
    assert total_epochs(config) == sum(segment.epochs for segment in found)
    ends = {segment.start + segment.epochs for segment in found}
    if config.rung_schedule == "branch":
        assert (ends, compared_after(config)) == ({config.epochs}, config.rungs)
    else:
        assert ends == {*compared_after(config), total_epochs(config)}


@given(configs)
def test_every_schedule_but_that_with_branches_ends_at_each_rung(config: TrialConfig) -> None:
    """Progress begins with 0 after each rung and grows evenly; it reaches the last step's share before the next."""
    steps = 7
    for segment in segments(config):
        found = [
            progress_at(config, segment.start + epoch, step, steps)
            for epoch in range(segment.epochs)
            for step in range(steps)
        ]
        assert found == [index / (segment.epochs * steps) for index in range(segment.epochs * steps)]
        assert begins_anew(config, segment.start) == (config.rung_schedule == "restart" and segment.start > 0)


def test_lengths_of_each_way() -> None:
    changes = {"rungs": [5, 15], "epochs": 20}
    restart, chain, branch = (make_config(**changes, rung_schedule=way) for way in WAYS)
    assert [s.epochs for s in segments(restart)] == [5, 15, 20]
    assert (compared_after(restart), total_epochs(restart)) == ((5, 20), 40)
    assert [s.epochs for s in segments(chain)] == [5, 10, 5]
    assert (compared_after(chain), total_epochs(chain)) == ((5, 15), 20)
    assert [s.epochs for s in segments(branch)] == [20]


@given(st.integers(0, 118), st.floats(0, 1), st.booleans())
def test_a_branch_runs_the_rest_of_the_schedule(epoch: int, share: float, own_rates: bool) -> None:
    """What the whole schedule has at a point of its rest, the branch has at the same share of its own length."""
    config = TrialConfig(lam=6.0, lr_after_drops=(0.03, 0.01, 0.003) if own_rates else ())
    branch = branch_config(config, epoch)
    progress = epoch / config.epochs + share * (1 - epoch / config.epochs)
    assert scheduled_lambda(branch, share) == pytest.approx(scheduled_lambda(config, progress), rel=1e-9)
    # At a drop itself the two may differ by a rounding error of its place.
    if all(abs(progress - drop) > 1e-9 for drop in config.lr_drops):
        expected = scheduled_learning_rate(config, progress)
        assert scheduled_learning_rate(branch, share) == pytest.approx(expected, rel=1e-12)
    assert scheduled_lambda(branch, 1.0) == config.lam
    assert branch.epochs == config.branch_epochs


@pytest.mark.parametrize("changes", CHANGES)
def test_a_branch_leaves_the_trial_as_it_is(changes: dict[str, Any]) -> None:
    plain = trained(make_config(**changes))
    branched = trained(make_config(**changes, rungs=[1, 3], rung_schedule="branch", branch_epochs=1))
    assert kept(branched.history) == kept(plain.history)
    assert weights_are_equal(branched, plain)
    assert ["rung/pgd_accuracy" in metrics for metrics in branched.history] == [True, False, True, False]
    assert [metrics["branch_epochs"] for metrics in branched.history] == [1, 1, 2, 2]


def test_a_branch_trains_the_weights_at_hand() -> None:
    config = make_config(rungs=[2], rung_schedule="branch", branch_epochs=2)
    trainer = trained(config)
    by_hand = begun(branch_config(config, 2))
    source = begun(replace(config, rungs=(), rung_schedule="as_is"))
    for _ in range(2):
        source.train_epoch()
    by_hand.model.load_state_dict(source.model.state_dict())
    by_hand.run(ignore)
    for name in ("natural_accuracy", "pgd_accuracy"):
        assert trainer.history[1][f"rung/{name}"] == by_hand.history[-1][name]


@pytest.mark.parametrize("changes", CHANGES[1:])
def test_a_restart_is_a_short_training_and_then_a_whole_one(changes: dict[str, Any]) -> None:
    short, whole = trained(make_config(**changes, epochs=2)), trained(make_config(**changes))
    restarted = trained(make_config(**changes, rungs=[2], rung_schedule="restart"))
    assert kept(restarted.history) == kept(short.history) + kept(whole.history)
    assert weights_are_equal(restarted, whole)


def test_a_chain_begins_with_a_short_training_and_goes_on_from_its_weights() -> None:
    short = trained(make_config(epochs=2))
    chain = trained(make_config(rungs=[2], rung_schedule="continue"))
    assert kept(chain.history[:2]) == kept(short.history)
    assert [m["learning_rate"] for m in chain.history] == [m["learning_rate"] for m in short.history] * 2
    assert [m["lambda"] for m in chain.history] == [m["lambda"] for m in short.history] * 2
    assert kept(chain.history[2:3]) != kept(short.history[:1])


@pytest.mark.parametrize(("way", "changes"), [("branch", CHANGES[0]), *((way, CHANGES[1]) for way in WAYS)])
def test_a_trial_that_is_interrupted_after_every_epoch_ends_as_one_that_is_not(
    tmp_path: Path, way: str, changes: dict[str, Any]
) -> None:
    config = make_config(**changes, rungs=[1, 2], rung_schedule=way, branch_epochs=1, epochs=3)
    whole = trained(config)
    begun(config).save(tmp_path)
    for epoch in range(total_epochs(config)):
        continued = begun(config)
        continued.restore(tmp_path)
        assert continued.epoch == epoch
        continued.train_epoch()
        torch.rand(3)
        continued.save(tmp_path)
    assert [{**m, "seconds": 0} for m in continued.history] == [{**m, "seconds": 0} for m in whole.history]
    assert weights_are_equal(continued, whole)


def test_a_trial_that_dies_inside_a_branch_ends_as_one_that_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(rungs=[2], rung_schedule="branch", branch_epochs=1, epochs=3)
    whole = trained(config)
    dying = begun(config)
    dying.train_epoch()
    dying.save(tmp_path)

    def die(_self: Trainer, _config: TrialConfig) -> dict[str, float]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "branch", die)
        with pytest.raises(KeyboardInterrupt):
            dying.train_epoch()
    with pytest.raises(ValueError, match="Epoch 2 was broken off"):
        dying.save(tmp_path)
    continued = begun(config)
    continued.restore(tmp_path)
    continued.run(ignore)
    assert [{**m, "seconds": 0} for m in continued.history] == [{**m, "seconds": 0} for m in whole.history]


def test_a_branch_that_diverges_ends_the_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = begun(make_config(rungs=[1], rung_schedule="branch"))
    monkeypatch.setattr(
        "training.trainer.rung_schedules.branch_config",
        lambda config, _: replace(config, rungs=(), learning_rate=math.inf),
    )
    with pytest.raises(DivergedError, match=r"Training diverged in epoch 1: .* of its branch is not finite"):
        trainer.train_epoch()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rungs": [2]}, "rungs: has no effect with rung_schedule = as_is and eval_every = 1; remove it"),
        ({"rung_schedule": "branch"}, "rungs: is empty, but rung_schedule = branch needs one epoch at least"),
        ({"rung_schedule": "continue", "rungs": [2, 4]}, "rungs: the last value is 4, but must be below epochs = 4"),
        ({"rung_schedule": "continue", "rungs": [2, 2]}, "rungs: .* must be a list of increasing integers >= 1"),
        ({"rung_schedule": "continue", "rungs": "12"}, "rungs: .* must be a list of increasing integers >= 1"),
        ({"rung_schedule": "half", "rungs": [2]}, "rung_schedule: .* one of as_is, restart, continue, branch"),
    ],
)
def test_rungs_that_do_not_fit_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_config(**changes)
