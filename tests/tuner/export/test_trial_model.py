"""A trial's weights, read back from its checkpoint."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from stand_ins import write_sealed
from trained_trials import SPACE, load_model

from training.data import load_trial_data
from training.data.augment import to_unit
from training.trainer.checkpoint import FILE_NAME
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
    ("change", "message"),
    [
        (lambda saved: saved["config"].pop("information_estimator"), "trial 0 cannot .* without information_estimator"),
        (lambda saved: saved["config"].update(alpha=0.75), "with alpha 0.75, but the trial has 0.5: restore"),
        (lambda saved: saved["config"].update(wheels=4), "holds no configuration that this version knows"),
        (lambda saved: saved["state"].update(split_digest="another"), r"validated on other images .* --data-root"),
    ],
)
def test_a_checkpoint_of_another_trial_is_refused(
    trained: SqlLedger, runs_dir: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    path = runs_dir / trained.search / str(trained.load()[0].reports[-1].checkpoint) / FILE_NAME
    saved = torch.load(path, weights_only=True)
    change(saved)
    write_sealed(path, saved)
    with pytest.raises(UsageError, match=message):
        load_model(trained, runs_dir)


def test_a_trial_without_weights_says_so(trained: SqlLedger, runs_dir: Path) -> None:
    with pytest.raises(UsageError, match="Trial 1 has no checkpoint on record after 1 epoch:"):
        load_model(trained, runs_dir, 1)
    with pytest.raises(UsageError, match="Trial 2 has no checkpoint on record after 0 epochs"):
        load_model(trained, runs_dir, 2)
    record = trained.load()[0]
    moved = replace(record, reports=(replace(record.reports[0], checkpoint="gone"),))
    with pytest.raises(UsageError, match=r"trial 0 cannot be used: .*does not exist"):
        load_trained_model(SearchFolder(runs_dir / trained.search), SPACE, moved, None)


def test_an_unknown_trial_is_answered_with_the_known_ones(trained: SqlLedger) -> None:
    assert find_trial(trained.load(), 1, "small-1").number == 1
    with pytest.raises(UsageError, match=r"small-1 has no trial 9: its trials are numbered 0 to 2\."):
        find_trial(trained.load(), 9, "small-1")
    with pytest.raises(UsageError, match="none of its trials has begun"):
        find_trial([], 9, "small-1")
