"""The data of a space at the door: there, readable, and fit for its configuration."""

from training.config import ConfigError
from tuner.errors import UsageError
from tuner.space import Space


def checked_data(space: Space) -> str:
    """Download the data if need be and try them on one configuration of the space.

    Gives the digest of the validation images, by which a resumed search knows them. Raises UsageError for
    data that is neither on disk nor downloadable, and for what only shows with the data: images too small
    for the architecture, fewer of them than a batch.
    """
    from training.data import DataError, ensure_available, load_trial_data
    from training.trainer import Trainer

    config = space.example
    try:
        ensure_available(config)
        data = load_trial_data(config)
    except DataError as error:
        raise UsageError(str(error)) from error
    try:
        Trainer(config, data, "cpu")
    except ConfigError as error:
        problems = (f"trial.{key}: {message}" for key, message in error.problems)
        raise UsageError("\n".join(f"{space.name}: {problem}" for problem in problems)) from error
    except ValueError as error:
        raise UsageError(f"{space.name}: {error}") from error
    return data.split_digest
