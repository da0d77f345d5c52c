"""A trial's weights, read back from its checkpoint."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from raises_about import raises_about
from simulated_search import MakeLedger
from stand_ins import write_sealed
from trained_trials import OF_EPOCHS, SPACE, load_model, trained_epochs

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


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        (lambda saved: saved["config"].pop("information_estimator"), "information_estimator"),
        (lambda saved: saved["config"].update(alpha=0.75), "alpha 0.75"),
        (lambda saved: saved["config"].update(wheels=4), "wheels"),
        (lambda saved: saved["state"].update(split_digest="another"), "--data-root"),
    ],
)
def test_a_checkpoint_of_another_trial_is_refused(
    trained: SqlLedger, runs_dir: Path, change: Callable[[dict[str, Any]], object], fact: str
) -> None:
    path = runs_dir / trained.search / str(trained.load()[0].reports[-1].checkpoint) / FILE_NAME
    saved = torch.load(path, weights_only=True)
    change(saved)
    write_sealed(path, saved)
    with pytest.raises(UsageError) as refused:
        load_model(trained, runs_dir)
    assert fact in str(refused.value)
    cause = refused.value.__cause__
    assert refused.value.subject == (cause.subject if isinstance(cause, CheckpointError) else "--data-root")


def test_the_weights_are_those_of_the_selected_epoch(trained: SqlLedger, runs_dir: Path) -> None:
    record = trained.load()[0]
    assert load_model(trained, runs_dir).epoch == 1
    path = runs_dir / trained.search / str(record.reports[-1].checkpoint) / FILE_NAME
    saved = torch.load(path, weights_only=True)
    saved["config"]["select"] = "best"
    kept = {name: torch.zeros_like(value) for name, value in saved["state"]["model"].items()}
    saved["state"] |= {"epoch": 5, "best": {"epoch": 3, "model": kept}}
    write_sealed(path, saved)
    space = SPACE.model_copy(update={"trial": {**SPACE.trial, "select": "best"}})
    model = load_trained_model(SearchFolder(runs_dir / trained.search), space, record, None)
    assert model.epoch == 3
    assert all((value == 0).all() for value in model.classifier.state_dict().values())


def test_a_trial_without_weights_is_named(trained: SqlLedger, runs_dir: Path) -> None:
    for number in (1, 2):
        with raises_about(UsageError, number):
            load_model(trained, runs_dir, number)
    record = trained.load()[0]
    moved = replace(record, reports=(replace(record.reports[0], checkpoint="gone"),))
    folder = SearchFolder(runs_dir / trained.search)
    with pytest.raises(UsageError) as refused:
        load_trained_model(folder, SPACE, moved, None)
    assert str(folder.path / "gone") in str(refused.value)


def test_an_unknown_trial_is_answered_with_the_known_ones(trained: SqlLedger, runs_dir: Path) -> None:
    folder = SearchFolder(runs_dir / trained.search)
    assert find_trial(trained.load(), 1, folder).number == 1
    with raises_about(UsageError, 9) as refused:
        find_trial(trained.load(), 9, folder)
    assert "0 to 2" in str(refused.value)
    assert f"--runs-dir {runs_dir}" in str(refused.value)
    with raises_about(UsageError, 9):
        find_trial([], 9, folder)


def test_an_epoch_has_its_own_weights(make_ledger: MakeLedger, runs_dir: Path) -> None:
    ledger = trained_epochs(make_ledger, runs_dir)
    folder, (record,) = SearchFolder(runs_dir / ledger.search), ledger.load()
    for epoch in (1, 2):
        model = load_trained_model(folder, OF_EPOCHS, record, None, epoch)
        stored = torch.load(folder.path / str(record.reports[epoch - 1].checkpoint) / FILE_NAME, weights_only=True)
        assert model.epoch == epoch
        for name, weights in model.classifier.state_dict().items():
            assert torch.equal(weights, stored["state"]["model"][name])
    with raises_about(UsageError, 3):
        load_trained_model(folder, OF_EPOCHS, record, None, 3)
    with raises_about(UsageError, 1):
        load_trained_model(folder, SPACE, record, None, 1)
