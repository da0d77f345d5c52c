"""All private names of Optuna that this project uses, each with its reason.

Optuna may change them in any release. So `pyproject.toml` bounds its version, and a test of this module names what an
installed Optuna lacks.
"""

from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import NSGAIISampler
from optuna.storages import InMemoryStorage
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial

# The tables of a study. Optuna's own methods take a transaction for every attribute of a trial.
TRIALS: Any = models.TrialModel.__table__
TRIAL_PARAMETERS: Any = models.TrialParamModel.__table__
TRIAL_ATTRIBUTES: Any = models.TrialUserAttributeModel.__table__
TRIAL_SYSTEM_ATTRIBUTES: Any = models.TrialSystemAttributeModel.__table__
TRIAL_VALUES: Any = models.TrialValueModel.__table__
STUDIES: Any = models.StudyModel.__table__
STUDY_ATTRIBUTES: Any = models.StudyUserAttributeModel.__table__
# NSGA-II reads the generation of a trial from its system attributes. There is no public way to set it.
GENERATION_KEY = NSGAIISampler._get_generation_key()  # noqa: SLF001
# `Study.enqueue_trial` keeps the parameters of a waiting trial under this system attribute.
ENQUEUED_KEY = "fixed_params"
# At every proposal the Gaussian process warns of a package that would make it faster.
GP_LOGGER = "optuna._gp"


def stored_value(value: float) -> tuple[float | None, Any]:
    """Return an objective's value and its kind as Optuna stores them: an infinity is a kind."""
    return models.TrialValueModel.value_to_stored_repr(value)


def study_id(study: optuna.Study) -> int:
    """Return the key of a study in its storage."""
    return study._study_id  # noqa: SLF001


def contains(distribution: BaseDistribution, value: Any) -> bool:
    """Return whether a value lies in a distribution; a value of another type does not."""
    try:
        return bool(distribution._contains(distribution.to_internal_repr(value)))  # noqa: SLF001
    except (ValueError, TypeError, OverflowError):
        return False


class UncopiedStorage(InMemoryStorage):
    """Optuna's storage in memory without copies of the trials that are added.

    The public storage copies each trial, in case the caller changes it later. No caller here does, and with hundreds
    of trials the copies take most of the time of a proposal.
    """

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Add a trial and return its key; `template_trial` then belongs to the study."""
        if template_trial is None:
            return super().create_new_trial(study_id)
        with self._lock:
            trials = self._studies[study_id].trials
            self._max_trial_id += 1
            template_trial.number, template_trial._trial_id = len(trials), self._max_trial_id  # noqa: SLF001
            self._trial_id_to_study_id_and_number[self._max_trial_id] = (study_id, len(trials))
            trials.append(template_trial)
            self._update_cache(self._max_trial_id, study_id)
            return self._max_trial_id
