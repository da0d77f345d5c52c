"""A trial in a worker, with a session of Ray Tune that only listens."""

from pathlib import Path
from typing import Any

import pytest
from ray import tune
from simulated_search import small_space

from training.data import DataError
from tuner.engine.trainable import run_trial

POINT = {"alpha": 0.5, "lambda": 1.0, "bottleneck": 16}


class Session:
    """Takes the place of Ray Tune's session in a worker."""

    def __init__(self) -> None:
        self.reports: list[dict[str, Any]] = []
        self.newest: tune.Checkpoint | None = None

    def report(self, metrics: dict[str, Any], checkpoint: tune.Checkpoint | None = None) -> None:
        del checkpoint
        self.reports.append(metrics)

    def get_checkpoint(self) -> tune.Checkpoint | None:
        return self.newest


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Session:
    session = Session()
    monkeypatch.setattr(tune, "report", session.report)
    monkeypatch.setattr(tune, "get_checkpoint", session.get_checkpoint)
    return session


def assignment(**trial: Any) -> dict[str, Any]:
    settings = {"train_fraction": 0.05, "eval_images": 10, "augmentation": "none", "epochs": 3, "attack_steps": 1}
    settings |= {"eval_attack_steps": 1, "batch_size": 32, **trial}
    config = small_space(trial=settings).trial_config(POINT)
    return {"number": 0, "trial": config.to_mapping(), "checkpoints": [], "device": "cpu", "threads": 1}


def test_data_that_this_node_lacks_is_raised_for_ray_to_try_elsewhere(session: Session, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="CIFAR10 is not on disk"):
        run_trial(assignment(dataset="cifar10", architecture="cnn4", data_root=str(tmp_path)))
    assert session.reports == []


def test_a_configuration_that_does_not_suit_the_data_is_final(session: Session) -> None:
    run_trial(assignment(architecture="cnn4"))
    (report,) = session.reports
    assert report["epoch"] == 0
    assert "cnn4" in report["error"]


def test_divergence_is_final(session: Session) -> None:
    run_trial(assignment(learning_rate=1e30))
    (report,) = session.reports
    assert report["epoch"] == 1
    assert "diverged in epoch 1" in report["error"]
