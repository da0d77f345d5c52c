"""The weights of the epoch with the best PGD accuracy on the validation set, or on the half of it that chooses."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from training.config import SELECTION, TrialConfig
from training.trainer.checkpoint import BEST_NAME, save_checkpoint


def save_best_so_far(
    folder: Path,
    config: TrialConfig,
    history: Sequence[Mapping[str, float]],
    weights: Mapping[str, Tensor],
    class_names: Sequence[str],
) -> None:
    """Write `folder/best.pt` if the last epoch of `history` was evaluated, and no earlier one had as high an accuracy.

    With `select: best` that is the accuracy on the half of the validation images that chooses, else on all of them.

    The file has the epoch, `weights` under `state`, `model`, the metrics of the epoch and the names of the classes.
    """
    name = SELECTION if config.select == "best" else "pgd_accuracy"
    accuracies = [epoch[name] for epoch in history if name in epoch]
    if not history or name not in history[-1] or accuracies[-1] <= max(accuracies[:-1], default=-1.0):
        return
    state = {
        "epoch": len(history),
        "model": dict(weights),
        "metrics": dict(history[-1]),
        "class_names": list(class_names),
    }
    save_checkpoint(folder, config, state, name=BEST_NAME)
