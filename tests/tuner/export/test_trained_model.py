"""A trial's weights, read back from its checkpoint."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from simulated_search import MakeLedger
from stand_ins import write_sealed
from trained_trials import SPACE, folder_of, trained_search

from training.data import load_trial_data
from training.data.augment import to_unit
from training.trainer.checkpoint import FILE_NAME
from tuner.errors import UsageError
from tuner.export.trained_model import EXAMPLES, TrainedModel, find_trial, load_trained_model
from tuner.ledger import SqlLedger


@pytest.fixture
def ledger(make_ledger: MakeLedger, runs_dir: Path) -> SqlLedger:
    return trained_search(make_ledger, runs_dir)


def load(ledger: SqlLedger, runs_dir: Path, number: int = 0) -> TrainedModel:
    return load_trained_model(folder_of(ledger, runs_dir), SPACE, ledger.load()[number], None)


def test_the_model_is_as_accurate_as_the_ledger_says(ledger: SqlLedger, runs_dir: Path) -> None:
    model = load(ledger, runs_dir)
    validation = load_trial_data(model.config).validation
    right = model.classifier(to_unit(validation.images)).argmax(dim=1) == validation.labels
    recorded = ledger.load()[0].last_metrics["natural_accuracy"]
    assert right.double().mean().item() == pytest.approx(recorded)
    assert not model.classifier.training
    assert model.image_shape == (1, 8, 8)
    assert torch.equal(model.examples, to_unit(validation.images[:EXAMPLES]))


def test_a_checkpoint_that_lacks_a_key_is_refused(ledger: SqlLedger, runs_dir: Path) -> None:
    path = folder_of(ledger, runs_dir).path / str(ledger.load()[0].reports[-1].checkpoint) / FILE_NAME
    content = torch.load(path, weights_only=True)
    del content["config"]["information_estimator"]
    write_sealed(path, content)
    with pytest.raises(UsageError, match=r"The weights of trial 0 cannot be used: .* without information_estimator"):
        load(ledger, runs_dir)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"alpha": 0.75}, "was written with alpha 0.75, but the trial has 0.5: restore"),
        ({"wheels": 4}, "holds no configuration that this version knows"),
    ],
)
def test_a_checkpoint_of_another_trial_is_refused(
    ledger: SqlLedger, runs_dir: Path, changed: dict[str, float], message: str
) -> None:
    path = folder_of(ledger, runs_dir).path / str(ledger.load()[0].reports[-1].checkpoint) / FILE_NAME
    content = torch.load(path, weights_only=True)
    content["config"].update(changed)
    write_sealed(path, content)
    with pytest.raises(UsageError, match=message):
        load(ledger, runs_dir)


def test_other_validation_images_are_refused(ledger: SqlLedger, runs_dir: Path) -> None:
    path = folder_of(ledger, runs_dir).path / str(ledger.load()[0].reports[-1].checkpoint) / FILE_NAME
    content = torch.load(path, weights_only=True)
    content["state"]["split_digest"] = "another"
    write_sealed(path, content)
    with pytest.raises(UsageError, match=r"validated on other images .* --data-root"):
        load(ledger, runs_dir)


def test_a_trial_without_weights_says_so(ledger: SqlLedger, runs_dir: Path) -> None:
    with pytest.raises(UsageError, match="Trial 1 has no checkpoint on record after 1 epochs"):
        load(ledger, runs_dir, 1)
    with pytest.raises(UsageError, match="Trial 2 has no checkpoint on record after 0 epochs"):
        load(ledger, runs_dir, 2)
    record = ledger.load()[0]
    moved = replace(record, reports=(replace(record.reports[0], checkpoint="gone"),))
    with pytest.raises(UsageError, match=r"trial 0 cannot be used: .*does not exist"):
        load_trained_model(folder_of(ledger, runs_dir), SPACE, moved, None)


def test_an_unknown_trial_is_answered_with_the_known_ones(ledger: SqlLedger) -> None:
    assert find_trial(ledger.load(), 1, "small-1").number == 1
    with pytest.raises(UsageError, match=r"small-1 has no trial 9: its trials are numbered 0 to 2\."):
        find_trial(ledger.load(), 9, "small-1")
    with pytest.raises(UsageError, match="none of its trials has begun"):
        find_trial([], 9, "small-1")
