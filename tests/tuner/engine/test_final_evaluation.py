"""The last step of a confirmation, on the digits."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from plug_ins import plug_ins

from training.config import parse_trial
from training.data import load_test_set, load_trial_data
from training.trainer import Trainer
from tuner.engine.final_evaluation import measure_on_test_set
from tuner.engine.trial_task import ConfirmationTask

CONFIG = parse_trial(
    {
        "dataset": "digits",
        "architecture": "digits_cnn",
        "augmentation": "none",
        "bottleneck": 8,
        "epochs": 1,
        "batch_size": 32,
        "learning_rate": 0.05,
        "epsilon": 0.1,
        "attack_steps": 1,
        "attack_step_size": 0.1,
        "eval_attack_steps": 1,
        "eval_images": 20,
    }
)


@pytest.fixture(scope="module")
def trainer() -> Trainer:
    trained = Trainer(CONFIG, load_trial_data(CONFIG), "cpu")
    trained.train_epoch()
    return trained


def test_the_test_set_is_measured_and_the_trainer_left_as_it_was(trainer: Trainer, tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    folder = str(tmp_path / "evaluations" / "trial-0000")
    task = ConfirmationTask(suite="quick", images=30, folder=folder, weights=None)
    metrics = measure_on_test_set(trainer, task)
    assert list(metrics) == [
        "natural_accuracy",
        "pgd_accuracy",
        "test/Natural",
        "test/noise",
        "test/FGSM",
        "test/PGD-20",
        "test/APGD-CE",
        "test/APGD-T",
        "test/Worst over attacks",
        "test_warnings",
    ]
    assert metrics["pgd_accuracy"] == metrics["test/PGD-20"]
    measured = [value for name, value in metrics.items() if name.startswith("test/")]
    assert metrics["test/Worst over attacks"] == min(measured)
    assert measure_on_test_set(trainer, task) == metrics, "from what is on disk"
    stored = json.loads((tmp_path / "evaluations" / "trial-0000" / "evaluation.json").read_text())
    assert stored["images"] == 30
    assert all(value.equal(before[name]) for name, value in trainer.model.state_dict().items())
    assert len(load_test_set(CONFIG)) > 30


OWN = """
def right_share(predictions, labels): return (predictions == labels).double().mean()
def weights(model): return sum(each.numel() for each in model.parameters())
"""


def test_metrics_of_images_are_measured_on_the_test_images_as_well(tmp_path: Path) -> None:
    """An own metric that counts the right predictions is the natural accuracy; one of weights stays as it is."""
    with plug_ins(tmp_path, {"own_right.py": OWN}):
        names = ("worst_class_pgd_accuracy", "own_right:right_share", "own_right:weights", "parameters")
        config = replace(CONFIG, metrics=names, epsilon=0.01, eval_attack_step_size=0.01)
        trained = Trainer(config, load_trial_data(config), "cpu")
        trained.train_epoch()
        task = ConfirmationTask(suite="quick", attacks=("pgd20",), images=100, folder=str(tmp_path / "e"), weights=None)
        metrics = measure_on_test_set(trained, task)
    assert metrics["own_right:right_share"] == pytest.approx(metrics["natural_accuracy"])
    assert 0 <= metrics["worst_class_pgd_accuracy"] <= metrics["own_right:right_share"]
    assert not {"own_right:weights", "parameters"} & metrics.keys(), "the values of the training are kept"


def test_metrics_of_images_are_measured_in_the_ball_of_the_confirmation(tmp_path: Path) -> None:
    """At an epsilon of almost 0 every right image is robust, whatever the search measured with."""
    config = replace(CONFIG, metrics=("robust_accuracy",))
    trained = Trainer(config, load_trial_data(config), "cpu")
    trained.train_epoch()
    task = ConfirmationTask(suite="quick", attacks=("pgd20",), images=100, folder=str(tmp_path / "e"), weights=None)
    searched = measure_on_test_set(trained, task)
    tiny = measure_on_test_set(trained, replace(task, epsilon=1e-6, folder=str(tmp_path / "tiny")))
    assert searched["robust_accuracy"] < searched["natural_accuracy"]
    assert tiny["robust_accuracy"] == tiny["natural_accuracy"] == tiny["pgd_accuracy"]


def test_the_best_and_the_last_epoch_are_measured(tmp_path: Path) -> None:
    config = replace(CONFIG, epochs=2, select="best")
    trained = Trainer(config, load_trial_data(config), "cpu")
    trained.train_epoch()
    task = ConfirmationTask(suite="quick", attacks=("pgd20",), images=60, folder=str(tmp_path / "one"), weights=None)
    first = measure_on_test_set(trained, task)
    assert trained.selected_epoch == trained.epoch == 1
    assert first["test/PGD-20 last epoch"] == first["test/PGD-20"], "one epoch is measured once"
    assert not (tmp_path / "one" / "evaluation_last.json").exists()
    trained.train_epoch()
    trained.history[-1]["selection_accuracy"] = -1.0
    trained._best.kept = {"epoch": 1, "model": {n: 0 * v for n, v in trained.model.state_dict().items()}}
    before = {name: value.clone() for name, value in trained.model.state_dict().items()}
    task = replace(task, folder=str(tmp_path / "two"))
    both = measure_on_test_set(trained, task)
    last = measure_on_test_set(_as_last(trained), replace(task, folder=str(tmp_path / "three")))
    for name in ("Natural", "PGD-20", "Worst over attacks"):
        assert both[f"test/{name} last epoch"] == last[f"test/{name}"]
    assert both["last/pgd_accuracy"] == last["pgd_accuracy"]
    # With all weights 0 every image is of the first class.
    labels = load_test_set(config).labels
    assert both["test/Natural"] == pytest.approx(6 / 60)
    assert both["natural_accuracy"] == both["test/Natural"] != last["test/Natural"]
    assert len(labels) > 60
    assert (tmp_path / "two" / "evaluation_last.json").is_file()
    assert all(value.equal(before[name]) for name, value in trained.model.state_dict().items())


def _as_last(trained: Trainer) -> Trainer:
    """Return a trainer that has only the last weights of another one."""
    config = replace(trained.config, select="last")
    other = Trainer(config, load_trial_data(config), "cpu")
    other.model.load_state_dict(trained.model.state_dict())
    return other


def test_a_state_of_other_weights_is_measured_again(trainer: Trainer, tmp_path: Path) -> None:
    task = ConfirmationTask(suite="quick", images=30, folder=str(tmp_path), weights=None)
    expected = measure_on_test_set(trainer, task)
    state = json.loads((tmp_path / "state.json").read_text())
    state["configuration"]["weights"] = "those of another thread count"
    (tmp_path / "state.json").write_text(json.dumps(state))
    assert measure_on_test_set(trainer, task) == expected


def test_named_attacks_have_the_radius_that_was_asked_for_in_their_names(trainer: Trainer, tmp_path: Path) -> None:
    attacks = ("pgd20", "fgsm", "cw", "torchattacks:PGD(steps=3)", "torchattacks:FGSM(eps=0.1)")
    task = ConfirmationTask(
        suite="standard", attacks=attacks, epsilon=0.2, images=20, folder=str(tmp_path), weights=None
    )
    metrics = measure_on_test_set(trainer, task)
    assert list(metrics) == [
        "natural_accuracy",
        "pgd_accuracy",
        "test/Natural",
        "test/PGD-20 at 0.2",
        "test/FGSM at 0.2",
        "test/CandW c1 20 steps",
        "test/torchattacks-PGDalpha0.05 steps3 at 0.2",
        "test/torchattacks-FGSM",
        "test/Worst over attacks at 0.2",
        "test_warnings",
    ]
    assert metrics["pgd_accuracy"] == metrics["test/PGD-20 at 0.2"]
    stored = json.loads((tmp_path / "evaluation.json").read_text())
    assert stored["epsilon"] == 0.2
    assert float(stored["attacks"]["PGD-20, linf 0.2"]["parameters"]["epsilon"]) == 0.2


def test_another_norm_is_in_the_names_as_well(trainer: Trainer, tmp_path: Path) -> None:
    attacks = ("pgd20", "fgsm", "cw", "torchattacks:FGSM(eps=0.1)")
    task = ConfirmationTask(
        suite="standard", attacks=attacks, norm="l2", epsilon=0.5, images=20, folder=str(tmp_path), weights=None
    )
    metrics = measure_on_test_set(trainer, task)
    assert [name for name in metrics if name.startswith("test/")] == [
        "test/Natural",
        "test/PGD-20 at 0.5 in l2",
        "test/FGM at 0.5 in l2",
        "test/CandW c1 20 steps",
        "test/torchattacks-FGSM",
        "test/Worst over attacks at 0.5 in l2",
    ]
    stored = json.loads((tmp_path / "evaluation.json").read_text())
    assert (stored["norm"], stored["epsilon"]) == ("l2", 0.5)
