"""The trained model of a trial: the weights of one of its checkpoints, and their use.

It is the last checkpoint, with the weights that its `select` names, or that of an epoch that was kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from training.config import IDLE_KEYS, TrialConfig
from training.data import DataError, ImageSet, TrialData, load_trial_data
from training.data.augment import to_unit
from training.models import Classifier, build_model
from training.trainer.checkpoint import CheckpointError, find_checkpoint, read_checkpoint
from training.trainer.selected_epoch import selected_weights
from tuner.errors import UsageError
from tuner.ledger import TrialRecord
from tuner.report.analysis.kept_checkpoints import checkpoint_of_epoch
from tuner.report.text import count_of
from tuner.runs.folder import SearchFolder
from tuner.runs.mirror import download, runs_flag
from tuner.runs.plug_ins import look_where_recorded
from tuner.space import Space

EXAMPLES = 4


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A classifier in eval mode on the CPU, its configuration, and the images on which it was validated.

    Its weights are those after `epoch` epochs. `validation` has all images of the validation split, with which the
    search compared the trial.
    """

    config: TrialConfig
    classifier: Classifier
    class_names: tuple[str, ...]
    validation: ImageSet
    epoch: int

    @property
    def examples(self) -> Tensor:
        """The first images of the validation split, (EXAMPLES, channels, height, width) in [0, 1]."""
        return to_unit(self.validation.images[:EXAMPLES])

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(channels, height, width)."""
        return tuple(self.examples.shape[1:])


def find_trial(trials: list[TrialRecord], number: int, folder: SearchFolder) -> TrialRecord:
    """Return the trial with this number; raise UsageError with the numbers that exist if there is none."""
    for trial in trials:
        if trial.number == number:
            return trial
    known = f"its trials are numbered 0 to {len(trials) - 1}" if trials else "none of its trials has begun"
    command = f"tuner show {folder.name}{runs_flag(folder.path.parent)}"
    raise UsageError(f"{folder.name} has no trial {number}: {known}. `{command}` lists them.", number)


def load_trained_model(
    folder: SearchFolder, space: Space, trial: TrialRecord, data_root: Path | None, epoch: int | None = None
) -> TrainedModel:
    """Build a trial's classifier with the weights that its last checkpoint has of the selected epoch.

    With `epoch` they are the weights after so many epochs, if that checkpoint was kept. The data set is read for its
    classes, and to check that it is the one on which the trial was validated. `data_root` is its folder, if that has
    changed since the search. Raise UsageError if weights or data are missing, or are not those of the trial.
    """
    checkpoint = download(folder.path / (_last(trial) if epoch is None else checkpoint_of_epoch(trial, epoch, space)))
    look_where_recorded(folder)
    try:
        saved, state = read_checkpoint(find_checkpoint(checkpoint))
        _require_same(saved, space.trial_config(trial.parameters), checkpoint)
        known_root = {**space.trial, **trial.parameters}.get("data_root", saved.data_root)
        config = replace(saved, data_root=known_root if data_root is None else str(data_root.resolve()))
        data = load_trial_data(config)
    except CheckpointError as error:
        raise UsageError(f"The weights of trial {trial.number} cannot be used: {error}", error.subject) from error
    except DataError as error:
        raise UsageError(f"{error} Or give --data-root.", error.subject) from error
    if state["split_digest"] != data.split_digest:
        raise UsageError(
            f"Trial {trial.number} was validated on other images (digest {state['split_digest']}) than those in "
            f"{config.data_root} (digest {data.split_digest}): give the data of the search with --data-root.",
            "--data-root",
        )
    return _build(config, data, *selected_weights(config, state, None if epoch is None else "last"))


def _require_same(saved: TrialConfig, now: TrialConfig, checkpoint: Path) -> None:
    """Raise CheckpointError for the checkpoint of another trial: all keys must have the trial's values."""
    there, here = saved.to_mapping(), now.to_mapping()
    for key in sorted(here.keys() - IDLE_KEYS):
        if there[key] != here[key]:
            raise CheckpointError(
                f"{checkpoint} was written with {key} {there[key]!r}, but the trial has {here[key]!r}: "
                "restore the search's folder from a backup.",
                (checkpoint, key),
            )


def _build(config: TrialConfig, data: TrialData, weights: Mapping[str, Tensor], epoch: int) -> TrainedModel:
    classifier = build_model(config, data.num_classes, data.image_shape)
    classifier.load_state_dict(weights)
    classifier.eval()
    return TrainedModel(config, classifier, data.class_names, data.validation, epoch)


def _last(trial: TrialRecord) -> str:
    recorded = trial.reports[-1].checkpoint if trial.reports else None
    if recorded is None:
        raise UsageError(
            f"Trial {trial.number} has no checkpoint after {count_of(trial.epochs_trained, 'epoch')}: choose another.",
            trial.number,
        )
    return recorded
