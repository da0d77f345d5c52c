"""Whole training steps as CUDA graphs, against the steps one by one: skipped without a GPU."""

from pathlib import Path
from typing import Any

import pytest
import torch
from stand_ins import ignore, make_config, make_data, same_weights, without_seconds

from training.trainer import Trainer
from training.trainer.step_state import StepState, moved_alike

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU"),
]
CHANGES: list[dict[str, Any]] = [
    {},
    {"optimiser": "adam", "augmentation": "crop_flip"},
    {"architecture": "cnn4"},
    {"architecture": "resnet18", "precision": "bf16"},
    {"objective": "trades", "attack_start": "gaussian", "momentum": 0.0},
    {"objective": "mma", "max_margin": 0.2, "smallest_margin": 0.05},
    {"attack_latent": "sample", "views": [0, 0.5, 1]},
]


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_a_replayed_step_does_what_the_step_does(changes: dict[str, Any]) -> None:
    """One step, because more of them multiply rounding; then whole epochs, whose losses must be near."""
    config, data = make_config(**{"precision": "fp32", **changes}), make_data(side=16, train=160)
    replayed, computed = (Trainer(config, data, "cuda") for _ in range(2))
    computed._recorded = None
    assert replayed._recorded is not None
    parts = replayed.model, replayed._optimiser, replayed._objective, replayed._streams.generator
    with replayed._computing():
        replayed.model.train()
        state = StepState(*parts)
        scalars, indices = replayed._scalars(), torch.arange(16, device="cuda")
        expected = replayed._step_on(indices, scalars[0])
        after, drawn = state.copies(), state.drawn()
        state.put_back()
        found = replayed._recorded_step(indices, scalars[0])
    assert replayed.fallbacks == []
    assert found is not None
    torch.testing.assert_close(found, expected, rtol=1e-2, atol=1e-3)
    assert moved_alike(state.before, after, state.copies(), tolerance=0.05)
    assert all(map(torch.equal, state.drawn(), drawn))
    replayed.load_state(computed.state())
    losses = [[trainer.train_epoch()["loss/total"] for _ in range(2)] for trainer in (replayed, computed)]
    assert losses[0] == pytest.approx(losses[1], rel=0.1)


def test_a_resumed_trial_continues_to_the_last_bit(tmp_path: Path) -> None:
    config = make_config(architecture="cnn4", augmentation="crop_flip", epochs=3)
    data = make_data(side=16)
    whole, interrupted, continued = (Trainer(config, data, "cuda") for _ in range(3))
    whole.run(ignore)
    interrupted.train_epoch()
    interrupted.save(tmp_path)
    continued.restore(tmp_path)
    continued.run(ignore)
    assert whole.fallbacks == continued.fallbacks == []
    assert without_seconds(continued.history) == without_seconds(whole.history)
    assert same_weights(continued.model, whole.model)
