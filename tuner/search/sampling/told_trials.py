"""A study in memory for one question: it takes the trials that are told to it as its own.

Optuna's storage copies each trial, against a caller that changes it later. Here nobody does, and with hundreds of
trials the copies are most of a proposal's time.
"""

from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial


class ToldTrials(InMemoryStorage):
    """Optuna's storage in memory, without copies of the trials that are added."""

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Add a trial and give its id; the study owns `template_trial` from then on."""
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
