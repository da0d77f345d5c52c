import os
from pathlib import Path
from typing import Any

import pytest
import torch
from stand_ins import make_config, make_data, without_seconds
from torch import Tensor
from trained_together import Found, diverge, train_each, train_with_a_break, trained_by

from training.compute.parallel import ALONE, Group
from training.config import ConfigError
from training.config.conflicts import group_conflicts
from training.trainer import Trainer

# Without batch norm, whose statistics are those of a process's rows. Every random draw of a step is in one of them.
SAME_AS_ALONE: list[dict[str, Any]] = [
    {"augmentation": "crop_flip"},
    {"forward": "joint", "attack_latent": "sample", "views": [0, 0.5, 1]},
    {"information_estimator": "mine", "regularise": "output"},
    {"objective": "trades", "attack_start": "gaussian", "bottleneck": 0},
    {"objective": "mart"},
    {"objective": "mma_simplified", "optimiser": "adam", "learning_rate": 0.001},
    {"information_estimator": "mige"},
    {"loss_latent": "mean"},
]


def tensors_of(value: Any, name: str = "") -> dict[str, Tensor]:
    if isinstance(value, Tensor):
        return {name: value}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {key: tensor for k, part in items for key, tensor in tensors_of(part, f"{name}/{k}").items()}


def metrics_of(found: Found) -> list[dict[str, float]]:
    return without_seconds([metrics for part in found for metrics in part["metrics"]])


def test_two_processes_train_what_one_would(tmp_path: Path) -> None:
    changes = [{"architecture": "cnn4", **change} for change in SAME_AS_ALONE]
    both = trained_by(2, tmp_path, train_each, changes, 16)
    alone = train_each(ALONE, changes, 16)
    for found in both:
        assert metrics_of(found) == [pytest.approx(m, rel=2e-3, abs=2e-3) for m in metrics_of(alone)]
        for change, one, other in zip(changes, found, alone, strict=True):
            expected = tensors_of(other["state"])
            for name, tensor in tensors_of(one["state"]).items():
                assert torch.allclose(tensor.double(), expected[name].double(), atol=2e-3), (change, name)


def test_so_do_three(tmp_path: Path) -> None:
    changes = [{"architecture": "cnn4", "batch_size": 15, "eval_batch_size": 7}]
    (alone,) = metrics_of(train_each(ALONE, changes, 16))[-1:]
    for found in trained_by(3, tmp_path, train_each, changes, 16):
        assert metrics_of(found)[-1] == pytest.approx(alone, rel=2e-3, abs=2e-3)


def test_all_processes_see_divergence_alike(tmp_path: Path) -> None:
    first, second = trained_by(2, tmp_path, diverge)
    assert first == second
    assert [found["epoch"] for found in first] == [1]


def test_with_batch_norm_both_have_the_same_weights_statistics_and_metrics(tmp_path: Path) -> None:
    changes = [{"augmentation": "crop_flip"}, {"objective": "trades", "compile": "off"}, {"precision": "bf16"}]
    first, second = trained_by(2, tmp_path, train_each, changes)
    assert metrics_of(first) == metrics_of(second)
    states = [tensors_of([part["state"] for part in found]) for found in (first, second)]
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())
    alone = train_each(ALONE, changes)
    assert [m["natural_accuracy"] for m in metrics_of(first)] == [
        pytest.approx(m["natural_accuracy"], abs=0.3) for m in metrics_of(alone)
    ]


def test_a_restored_group_continues_bit_for_bit(tmp_path: Path) -> None:
    for whole, broken in trained_by(2, tmp_path, train_with_a_break, str(tmp_path)):
        assert metrics_of([whole]) == metrics_of([broken])
        expected = tensors_of(whole["state"])
        assert all(torch.equal(tensor, expected[name]) for name, tensor in tensors_of(broken["state"]).items())


def watchdog_setting(group: Group) -> Found:
    del group
    return [{"setting": os.environ["TORCH_NCCL_ASYNC_ERROR_HANDLING"]}]


def test_nccl_lets_a_process_live_whose_partner_failed(tmp_path: Path) -> None:
    """Mode 2 of torch's ProcessGroupNCCL.hpp cleans up only; by default the process ends before it tells the reason."""
    assert trained_by(2, tmp_path, watchdog_setting) == [[{"setting": "2"}]] * 2


def test_alone_nothing_is_changed() -> None:
    rows = torch.rand(4, 2)
    assert ALONE.own(rows) is rows
    assert ALONE.gather(rows) is rows
    ALONE.average([rows])
    generator = torch.Generator().manual_seed(1)
    drawn = ALONE.noise(torch.randn, rows, generator)
    assert torch.equal(drawn, torch.randn(4, 2, generator=torch.Generator().manual_seed(1)))


def test_each_process_draws_for_all_and_takes_its_rows() -> None:
    rows = torch.zeros(3, 2)
    drawn = [Group(k, 2).noise(torch.rand, rows, torch.Generator().manual_seed(1)) for k in range(2)]
    assert torch.equal(torch.cat(drawn), torch.rand(6, 2, generator=torch.Generator().manual_seed(1)))


@pytest.mark.parametrize(("key", "value"), [("batch_size", 15), ("objective", "mma")])
def test_what_a_group_cannot_train_is_refused(key: str, value: object) -> None:
    config = make_config(**{key: value})
    assert [found for found, _ in group_conflicts(config, 2)] == [key]
    assert not group_conflicts(config, 1)
    with pytest.raises(ConfigError) as caught:
        Trainer(config, make_data(), "cpu", Group(0, 2))
    assert [found for found, _ in caught.value.problems] == [key]


def test_what_it_can_train_is_not() -> None:
    assert not group_conflicts(make_config(batch_size=16), 2)
    assert not group_conflicts(make_config(objective="natural"), 4)
