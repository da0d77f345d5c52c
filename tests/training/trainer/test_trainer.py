import math
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from raises_about import raises_about
from stand_ins import ignore, make_config, make_data, random_states, same_weights, without_seconds

from training.config import ACCURACIES, ConfigError
from training.losses.shared_information import TERMS
from training.trainer import Trainer
from training.trainer.checkpoint import FILE_NAME, CheckpointError

Metrics = Mapping[str, float]

# cnn4 has dropout, which draws from torch's global generator; the crop and the flip draw from the trial's
# own.
CHANGES: list[dict[str, Any]] = [
    {"architecture": "digits_cnn", "augmentation": "none"},
    {"architecture": "digits_cnn", "augmentation": "crop_flip"},
    {"architecture": "cnn4", "augmentation": "crop_flip"},
    {"forward": "joint", "attack_latent": "sample", "hsic_normalisation": "cca", "hsic_width": "first_columns"},
    {"terms": ["adversarial_cross_entropy", "information"], "loss_latent": "mean", "optimiser": "adam"},
    {"regularise": "output", "bottleneck": 0},
    {"objective": "standard", "architecture": "cnn4", "bottleneck": 0},
    {"objective": "trades", "attack_start": "gaussian", "architecture": "cnn4", "bottleneck": 0},
    {"objective": "mart", "attack_start": "gaussian", "architecture": "cnn4"},
    {"objective": "mma_simplified", "architecture": "cnn4", "bottleneck": 0, "lr_after_drops": [0.05, 0.02, 0.01]},
    {"objective": "mma", "max_margin": 0.2, "smallest_margin": 0.05},
    {"objective": "natural", "architecture": "cnn4"},
    {"information_estimator": "mine"},
    {"information_estimator": "mine", "regularise": "output"},
    {"information_estimator": "mige", "views": [0, 0.5, 1]},
    {"views": [0, 0.3, 0.6, 1], "forward": "joint"},
    {"precision": "fp32", "compile": "off"},
    {"precision": "bf16"},
    {"precision": "bf16", "compile": "off", "architecture": "cnn4", "augmentation": "crop_flip"},
]


def test_the_first_trial_of_a_process_leaves_nothing_behind() -> None:
    """The next one wants its memory at once; in a process of its own, since what torch imports first matters."""
    script = """if True:
        import gc, weakref
        gc.disable()
        from stand_ins import make_config, make_data
        from training.trainer import Trainer
        trainer = Trainer(make_config(), make_data(), "cpu")
        trainer.train_epoch()
        left = weakref.ref(trainer), weakref.ref(trainer.model)
        del trainer
        assert [reference() for reference in left] == [None, None]
    """
    paths = os.pathsep.join([str(Path(__file__).parents[1]), str(Path(__file__).parents[3])])
    subprocess.run([sys.executable, "-c", script], check=True, env={**os.environ, "PYTHONPATH": paths})


def test_metrics_of_an_epoch() -> None:
    trainer = Trainer(make_config(epochs=2, lam=2.0), make_data(), "cpu")
    metrics = trainer.train_epoch()
    assert trainer.epoch == 1
    assert list(metrics) == [
        *ACCURACIES,
        *(f"loss/{term}" for term in (*TERMS, "total")),
        *(f"gradient_norm/{term}" for term in (*TERMS, "total")),
        "lambda",
        "learning_rate",
        "seconds",
    ]
    assert all(type(value) is float and math.isfinite(value) for value in metrics.values())
    assert 0 <= metrics["pgd_accuracy"] <= metrics["natural_accuracy"] <= 1
    # 70 images make 4 batches of 16; the last step is 3 of 8. The ramp runs from 1/12 to 10/12 of the budget.
    assert metrics["lambda"] == pytest.approx(1e-3 * 2000 ** ((3 / 8 - 1 / 12) / (9 / 12)))
    assert metrics["learning_rate"] == 0.1
    assert trainer.train_epoch()["learning_rate"] == pytest.approx(1e-4)


@pytest.mark.parametrize("changes", CHANGES)
def test_measuring_the_gradients_changes_no_bit(changes: dict[str, Any]) -> None:
    class Unmeasured(Trainer):
        def _gradient_norms(self, _: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            return {}

    measured, unmeasured = (kind(make_config(**changes), make_data(side=16), "cpu") for kind in (Trainer, Unmeasured))
    for trainer in (measured, unmeasured):
        trainer.train_epoch()
        trainer.train_epoch()
    assert any(key.startswith("gradient_norm/") for key in measured.history[0])
    rest = [{k: v for k, v in m.items() if not k.startswith("gradient_norm/")} for m in measured.history]
    assert without_seconds(rest) == without_seconds(unmeasured.history)
    assert same_weights(measured.model, unmeasured.model)


def test_gradient_norms_are_those_of_the_last_step() -> None:
    before = {}

    class Remembering(Trainer):
        def _update(self, total: torch.Tensor, learning_rate: float | torch.Tensor) -> None:
            before.update({name: weight.detach().clone() for name, weight in self.model.named_parameters()})
            super()._update(total, learning_rate)

    # Without momentum and decay a step is the learning rate times the gradient of the total.
    config = make_config(momentum=0, weight_decay=0, architecture="cnn4")
    trainer = Remembering(config, make_data(side=16), "cpu")
    metrics = trainer.train_epoch()
    moved = [
        (weight.detach() - before[name]).double().square().sum()
        for name, weight in trainer.model.named_parameters()
        if not name.startswith("head")
    ]
    found = math.sqrt(sum(moved)) / metrics["learning_rate"]
    assert metrics["gradient_norm/total"] == pytest.approx(found, rel=1e-3)


def test_the_weight_of_trades_is_constant() -> None:
    trainer = Trainer(make_config(objective="trades", lam=6), make_data(), "cpu")
    assert [trainer.train_epoch()["lambda"] for _ in range(2)] == [6, 6]


def test_the_best_weights_are_kept(tmp_path: Path) -> None:
    trainer = Trainer(make_config(epochs=6), make_data(), "cpu")
    states = []
    for _ in range(6):
        trainer.train_epoch()
        trainer.save_best(tmp_path)
        states.append({key: value.clone() for key, value in trainer.model.state_dict().items()})
    accuracies = [metrics["pgd_accuracy"] for metrics in trainer.history]
    best = torch.load(tmp_path / "best.pt", weights_only=True)["state"]
    assert best["epoch"] == 1 + accuracies.index(max(accuracies))
    assert best["metrics"] == trainer.history[best["epoch"] - 1]
    assert all(torch.equal(value, states[best["epoch"] - 1][key]) for key, value in best["model"].items())


def test_no_weights_are_the_best_on_images_that_were_trained_on(tmp_path: Path) -> None:
    trainer = Trainer(make_config(train_on="train_and_validation"), make_data(), "cpu")
    trainer.train_epoch()
    trainer.save_best(tmp_path)
    assert not list(tmp_path.iterdir())


def test_learns_to_be_right_and_robust() -> None:
    trainer = Trainer(make_config(epochs=12, sigma_bias=-2), make_data(), "cpu")
    trainer.run(ignore)
    assert trainer.history[-1]["natural_accuracy"] == 1
    assert trainer.history[-1]["pgd_accuracy"] >= 0.9
    first, last = (trainer.history[index]["loss/adversarial_cross_entropy"] for index in (0, -1))
    assert last < first / 2


def test_run_reports_each_remaining_epoch_with_a_way_to_save(tmp_path: Path) -> None:
    reports: list[tuple[int, Metrics]] = []
    steps: list[tuple[int, int]] = []

    def report(epoch: int, metrics: Metrics, save: Callable[[Path], None]) -> None:
        reports.append((epoch, metrics))
        save(tmp_path / str(epoch))

    trainer = Trainer(make_config(epochs=3), make_data(), "cpu")
    trainer.train_epoch()
    trainer.run(report, lambda step, of: steps.append((step, of)))
    assert [epoch for epoch, _ in reports] == [2, 3]
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)] * 2
    assert [metrics for _, metrics in reports] == trainer.history[1:]
    restored = Trainer(make_config(epochs=3), make_data(), "cpu")
    restored.restore(tmp_path / "2")
    assert restored.epoch == 2


@pytest.mark.parametrize("changes", CHANGES)
def test_an_interrupted_trial_continues_to_the_last_bit(tmp_path: Path, changes: dict[str, Any]) -> None:
    config, data = make_config(**changes), make_data(side=16)
    torch.manual_seed(0)
    whole = Trainer(config, data, "cpu")
    whole.run(ignore)

    torch.manual_seed(1)
    interrupted = Trainer(config, data, "cpu")
    for _ in range(2):
        interrupted.train_epoch()
        torch.rand(5)
    interrupted.save(tmp_path)
    torch.manual_seed(2)
    continued = Trainer(config, data, "cpu")
    continued.restore(tmp_path)
    assert continued.epoch == 2
    continued.run(ignore)

    assert without_seconds(continued.history) == without_seconds(whole.history)
    assert same_weights(continued.model, whole.model)


def test_two_trials_in_one_process_do_not_disturb_each_other() -> None:
    config, data = make_config(architecture="cnn4"), make_data(side=16)
    alone = Trainer(config, data, "cpu")
    before = random_states()
    one, other = Trainer(config, data, "cpu"), Trainer(make_config(seed=1), data, "cpu")
    for _ in range(2):
        alone.train_epoch()
    for _ in range(2):
        one.train_epoch()
        other.train_epoch()
    assert without_seconds(one.history) == without_seconds(alone.history)
    assert random_states() == before


def test_the_seed_matters() -> None:
    totals = {Trainer(make_config(seed=seed), make_data(), "cpu").train_epoch()["loss/total"] for seed in range(3)}
    assert len(totals) == 3


def test_an_epoch_that_was_broken_off_cannot_be_saved(tmp_path: Path) -> None:
    def stop(step: int, _steps: int) -> None:
        if step == 2:
            raise KeyboardInterrupt

    trainer = Trainer(make_config(), make_data(), "cpu")
    trainer.train_epoch()
    trainer.save(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        trainer.train_epoch(stop)
    with pytest.raises(ValueError, match="Epoch 2 "):
        trainer.save(tmp_path)
    trainer.restore(tmp_path)
    trainer.train_epoch()
    undisturbed = Trainer(make_config(), make_data(), "cpu")
    for _ in range(2):
        undisturbed.train_epoch()
    assert without_seconds(trainer.history) == without_seconds(undisturbed.history)


def test_too_few_images_for_one_batch_are_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        Trainer(make_config(), make_data(train=15), "cpu")
    assert [key for key, _ in caught.value.problems] == ["batch_size"]


def test_a_checkpoint_of_other_data_is_refused(tmp_path: Path) -> None:
    Trainer(make_config(), make_data(digest="one"), "cpu").save(tmp_path)
    with raises_about(CheckpointError, (tmp_path / FILE_NAME, "split_digest")):
        Trainer(make_config(), make_data(digest="other"), "cpu").restore(tmp_path)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_a_gpu_continues_to_the_last_bit_and_never_waits_inside_an_epoch(tmp_path: Path) -> None:
    config, data = make_config(architecture="cnn4", augmentation="crop_flip", epochs=3), make_data(side=16)
    whole = Trainer(config, data, "cuda")
    whole.run(ignore)
    interrupted = Trainer(config, data, "cuda")
    interrupted.train_epoch()
    interrupted.save(tmp_path)
    continued = Trainer(config, data, "cuda")
    continued.restore(tmp_path)
    continued.run(ignore)
    assert without_seconds(continued.history) == without_seconds(whole.history)
    torch.cuda.set_sync_debug_mode("error")
    try:
        whole._update(whole._losses(torch.arange(16, device="cuda"), 0)["total"], 0.1)
    finally:
        torch.cuda.set_sync_debug_mode("default")
