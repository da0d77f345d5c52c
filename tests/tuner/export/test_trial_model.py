"""A trial's weights, read back from its checkpoint."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from raises_about import raises_about
from stand_ins import write_sealed
from trained_trials import SPACE, load_model

from training.data import load_trial_data
from training.data.augment import to_unit
from training.trainer.checkpoint import FILE_NAME, CheckpointError
from tuner.errors import UsageError
from tuner.export.trial_model import EXAMPLES, find_trial, load_trained_model
from tuner.ledger import SqlLedger
from tuner.runs.folder import SearchFolder


def test_the_model_is_as_accurate_as_the_ledger_says(trained: SqlLedger, runs_dir: Path) -> None:
    model = load_model(trained, runs_dir)
    validation = load_trial_data(model.config).validation
    right = model.classifier(to_unit(validation.images)).argmax(dim=1) == validation.labels
    recorded = trained.load()[0].last_metrics["natural_accuracy"]
    assert right.double().mean().item() == pytest.approx(recorded)
    assert not model.classifier.training
    assert model.image_shape == (1, 8, 8)
    assert torch.equal(model.examples, to_unit(validation.images[:EXAMPLES]))


def changed_checkpoint(trained: SqlLedger, runs_dir: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Change what the checkpoint of trial 0 holds, and return its folder."""
    folder = runs_dir / trained.search / str(trained.load()[0].reports[-1].checkpoint)
    saved = torch.load(folder / FILE_NAME, weights_only=True)
    change(saved)
    write_sealed(folder / FILE_NAME, saved)
    return folder


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda saved: saved["config"].pop("information_estimator"), "information_estimator"),
        (lambda saved: saved["config"].update(wheels=4), "wheels"),
    ],
)
def test_a_checkpoint_without_the_keys_of_this_version_is_refused(
    trained: SqlLedger, runs_dir: Path, change: Callable[[dict[str, Any]], object], key: str
) -> None:
    changed_checkpoint(trained, runs_dir, change)
    with pytest.raises(UsageError) as refused:
        load_model(trained, runs_dir)
    cause = refused.value.__cause__
    assert isinstance(cause, CheckpointError)
    assert refused.value.subject == cause.subject
    assert key in str(refused.value)


def test_a_checkpoint_of_another_trial_is_refused(trained: SqlLedger, runs_dir: Path) -> None:
    folder = changed_checkpoint(trained, runs_dir, lambda saved: saved["config"].update(alpha=0.75))
    with raises_about(UsageError, (folder, "alpha")):
        load_model(trained, runs_dir)


def test_a_checkpoint_that_was_validated_on_other_images_is_refused(trained: SqlLedger, runs_dir: Path) -> None:
    changed_checkpoint(trained, runs_dir, lambda saved: saved["state"].update(split_digest="another"))
    with raises_about(UsageError, "--data-root") as refused:
        load_model(trained, runs_dir)
    assert "another" in str(refused.value)


@pytest.mark.parametrize("number", [1, 2])
def test_a_trial_without_a_checkpoint_is_refused(trained: SqlLedger, runs_dir: Path, number: int) -> None:
    with raises_about(UsageError, number):
        load_model(trained, runs_dir, number)


def test_a_checkpoint_that_is_gone_is_named(trained: SqlLedger, runs_dir: Path) -> None:
    record = trained.load()[0]
    moved = replace(record, reports=(replace(record.reports[0], checkpoint="gone"),))
    folder = SearchFolder(runs_dir / trained.search)
    with pytest.raises(UsageError) as refused:
        load_trained_model(folder, SPACE, moved, None)
    assert isinstance(refused.value.__cause__, CheckpointError)
    assert str(folder.path / "gone") in str(refused.value)


def test_an_unknown_trial_is_answered_with_the_known_ones(trained: SqlLedger) -> None:
    assert find_trial(trained.load(), 1, "small-1").number == 1
    with raises_about(UsageError, 9) as refused:
        find_trial(trained.load(), 9, "small-1")
    assert "0 to 2" in str(refused.value)
    with raises_about(UsageError, 9):
        find_trial([], 9, "small-1")
