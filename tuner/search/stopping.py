"""When a search proposes no further trial: its trials, epochs, patience or points are used up.

Every rule is a function of the ledger. A rule that holds goes on holding, whatever the running trials still report.
So a search that stops proposing is finished when its running trials end, and a resumed search stops as well.
"""

from collections.abc import Sequence

import numpy as np

from tuner.ledger import Outcome, TrialRecord
from tuner.pareto.hypervolume import front_growth
from tuner.pareto.objectives import as_losses, within_limits
from tuner.search.sampling import exhausted
from tuner.space import Space

# With more than two objectives a growth is a difference of hypervolumes, which may miss 0 by this share.
_ROUNDING = 1e-12


def stop_reason(space: Space, trials: Sequence[TrialRecord]) -> str | None:
    """Return why no further trial is proposed, as a sentence for the user; None while there are trials to propose."""
    search = space.search
    if len(trials) >= search.trials:
        return f"all {search.trials} trials were proposed"
    tried = [trial.parameters for trial in trials]
    if search.sampler != "grid" and exhausted(space.distributions(), tried, space.conditions):
        return f"every point of the space was tried before {search.trials} trials were reached"
    if search.max_epochs is not None:
        spent = sum(trial.epochs_trained for trial in trials)
        if spent >= search.max_epochs:
            return f"the trials have trained {spent} epochs, and search.max_epochs is {search.max_epochs}"
    if search.patience is not None and longest_wait(space, trials) >= search.patience:
        return f"the hypervolume did not grow for {search.patience} trials, which is search.patience"
    return None


def finished(space: Space, trials: Sequence[TrialRecord]) -> bool:
    """Return whether no trial runs and no trial will be proposed."""
    return all(trial.outcome is not Outcome.RUNNING for trial in trials) and stop_reason(space, trials) is not None


def longest_wait(space: Space, trials: Sequence[TrialRecord]) -> int:
    """Return the longest run of ended trials, at any time of the search, without growth of the hypervolume.

    The count starts with the first completed trial that is better than the reference point and within the constraints:
    before it there is no front to grow. Repeats of a point with another seed do not count: they add no point.
    """
    objectives = space.objective_list
    searching = [trial for trial in trials if not space.is_repeat(trial.parameters)]
    ended = sorted((t for t in searching if t.ended is not None), key=lambda trial: (trial.ended, trial.number))
    losses = as_losses([trial.last_metrics for trial in ended], objectives)
    completed = np.array([t.outcome is Outcome.COMPLETED for t in ended], dtype=np.bool_)
    allowed = np.array([within_limits(trial.last_metrics, space.constraint_list) for trial in ended], dtype=np.bool_)
    final = completed & allowed & np.isfinite(losses).all(axis=1)
    volumes = front_growth(losses[final], space.reference_losses).hypervolumes
    growths = np.flatnonzero(final)[np.diff(volumes, prepend=0.0) > _ROUNDING * volumes.max(initial=0.0)]
    waits = np.diff(growths, append=len(ended)) - 1
    return int(waits.max(initial=0))
