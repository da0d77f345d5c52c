"""The check of the data before a search starts: present, readable, and fit for the configurations of the space."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.config import ConfigError, TrialConfig
from tuner.errors import UsageError
from tuner.search.sampling.attempt import try_sampler
from tuner.space import Space
from tuner.space.fault_error import fault_error
from tuner.space.sections import ConfirmSpec

if TYPE_CHECKING:  # torch takes seconds to import
    from training.data import TrialData
    from training.trainer import Trainer


@dataclass(frozen=True)
class CheckedData:
    """What a search learns of its data at its start.

    `split_digest` is that of the validation images, which tells a search that continues whether it has the same ones.
    `validation_images` is the number of those by which trials are compared.
    `contents` are lines for the user: the images of each class, and what is not read. `left_out` are the latter alone.
    """

    split_digest: str
    classes: int
    validation_images: int
    contents: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def check_data(space: Space) -> CheckedData:
    """Download the data if they are not on disk, and try them on the most demanding points of the space.

    Code from outside is tried as well: a sampler, a network, an augmentation, an objective, and the attacks of a
    confirmation. Raise UsageError if it is unfit,
    if the data are neither on disk nor can be downloaded, if the images are too small for an
    architecture, or if there are fewer images than a batch needs.
    """
    from training.data import DataError, ensure_available, forget_data, lines_of, load_trial_data
    from training.trainer.selected_epoch import measuring_images

    try_sampler(space)
    try:
        parts = ensure_available(space.example)
        started: dict[str, None] = {}
        for config in demanding_points(space):
            data = load_trial_data(config)
            started.update(_try(space, config, data))
        left_out = tuple(sentence for part in parts for sentence in part.left_out)
        compared = measuring_images(space.example, len(data.validation))
        return CheckedData(
            data.split_digest,
            data.num_classes,
            validation_images=compared.stop - compared.start,
            contents=(*lines_of(parts), *started),
            left_out=left_out,
        )
    except DataError as error:
        raise UsageError(str(error), error.subject) from error
    finally:
        forget_data()  # the trials run in other processes


def _try_attacks(confirm: ConfirmSpec, trainer: "Trainer", data: "TrialData") -> None:
    """Run the attacks from outside on two validation images and the untrained network, or raise AttackError."""
    from training.evaluation.outside_attacks import try_outside_attacks
    from tuner.engine.final_evaluation import suite_of

    suite = suite_of(trainer.config, data.num_classes, confirm, data.validation.images[0].numel())
    try_outside_attacks(trainer.model, data.validation, suite)


def demanding_points(space: Space) -> list[TrialConfig]:
    """Return for each architecture and objective the corner with the largest batches and the fewest images."""
    points: dict[tuple[str, str], TrialConfig] = {}
    for corner in space.corners():
        config = space.trial_config(corner)
        kind = (config.architecture, config.objective)
        best = points.setdefault(kind, config)
        if (config.batch_size, -config.train_fraction) > (best.batch_size, -best.train_fraction):
            points[kind] = config
    return list(points.values())


def _try(space: Space, config: TrialConfig, data: "TrialData") -> dict[str, None]:
    """Return what to say of the weights with which the trial starts, if they are from a file."""
    from training.trainer import Trainer

    try:
        trainer = Trainer(config, data, "cpu")
        trainer.try_outside_code()
        if space.confirm is not None:
            _try_attacks(space.confirm, trainer, data)
    except ConfigError as error:
        problems = [(_path(space, key), message) for key, message in error.problems]
        raise fault_error(space.name, problems) from error
    except ValueError as error:
        raise UsageError(f"{space.name}: {error}", space.name) from error
    return {} if trainer.start is None else {trainer.start.line: None}


def _path(space: Space, key: str) -> str:
    """Return where the space has a key; `metrics.NAME` is a metric that is unfit."""
    if names := space.names_of(key):
        return f"parameters.{names[0]}"
    _, is_metric, name = key.partition("metrics.")
    if not is_metric:
        return f"trial.{key}"
    section = next((part for part in ("objectives", "constraints") if name in getattr(space, part)), None)
    return "trial.metrics" if section is None else f"{section}.{name}"
