"""Which epoch's weights and metrics stand for a trial: the last one, or the best one on a part of the validation set.

Robust overfitting costs points after a drop of the learning rate: Rice et al. 2020, arXiv:2002.11569. A best value is
biased upwards on the images by which it was chosen. Therefore one half of the validation images chooses the epoch, and
the other half measures it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from training.config import BEST_EPOCH, LAST, SELECTION, ConfigError, TrialConfig
from training.trainer.checkpoint import CheckpointError


def choosing_images(config: TrialConfig, count: int) -> int:
    """Return how many of `count` validation images, the first ones, choose the epoch; the others measure it."""
    return count // 2 if config.select == "best" else 0


def measuring_images(config: TrialConfig, count: int) -> slice:
    """Return the place of those of `count` validation images whose metrics stand for the trial."""
    used = min(config.eval_images or count, count)
    return slice(choosing_images(config, used), used)


def require_two_halves(config: TrialConfig, count: int) -> None:
    """Raise ConfigError if `count` validation images are too few for `select: best`."""
    if config.select == "best" and count < 2:
        rule = "at least 2 for select: best: one to choose the epoch, one to measure it"
        raise ConfigError([("validation_fraction", f"leaves {count} validation image, but must leave {rule}")])


def best_epoch(history: Sequence[Mapping[str, float]]) -> int | None:
    """Return the epoch, from 1, with the largest accuracy on the half that chooses, the first of equal ones.

    It is None if no epoch was evaluated.
    """
    found = [(metrics[SELECTION], -epoch) for epoch, metrics in enumerate(history, start=1) if SELECTION in metrics]
    return -max(found)[1] if found else None


def with_best(history: Sequence[Mapping[str, float]], validated: Mapping[str, float]) -> dict[str, float]:
    """Return the metrics of an evaluated epoch, which follows those of `history`, with `select: best`.

    Those of the best epoch until now have their plain names. Those of the epoch itself have `last/` before them. All
    are of the half that measures.
    """
    own = {f"{LAST}{name}": value for name, value in validated.items() if name != SELECTION}
    here = {**own, SELECTION: validated[SELECTION]}
    epochs = [*history, here]
    best = best_epoch(epochs) or len(epochs)
    chosen = {
        name.removeprefix(LAST): value
        for name, value in epochs[best - 1].items()
        if name.startswith(LAST) and name in own  # a resumed trial may measure less than before
    }
    return {**chosen, **here, BEST_EPOCH: best}


def selected_weights(
    config: TrialConfig, state: Mapping[str, Any], select: str | None = None
) -> tuple[Mapping[str, Any], int]:
    """Return the weights and the epoch that stand for the trial of a checkpoint's `state`.

    `select` is `last` or `best`, by default that of the trial. Raise CheckpointError if the state does not have them.
    """
    wanted = select or config.select
    best: Mapping[str, Any] | None = state.get("best")
    if wanted == "best" and best is not None:
        return best["model"], int(best["epoch"])
    is_whole = "history" in state  # otherwise it is that of best.pt
    if select is not None and is_whole != (wanted == "last"):
        kept = "the last epoch" if is_whole else "the best epoch"
        raise CheckpointError(
            f"The checkpoint has only the weights of {kept}, but --select is {select}: train with select: best, which"
            " keeps both, or name another checkpoint.",
            "--select",
        )
    return state["model"], int(state["epoch"])
