"""How a trial trains towards its rungs, the epochs at which a search compares it with others.

With the paper's schedule an early epoch knows nothing of the final lambda and of the later drops of the learning
rate (`schedules.py`), so that the accuracies there need not rank trials as the final ones do. Four ways:

as_is      one schedule over the whole budget; a trial is compared by what it has at the rung
restart    towards each rung a complete schedule of that length from new weights, at last one of the whole budget
continue   towards each rung a complete schedule of the epochs since the one before, each from the weights at hand
branch     as_is, and at each rung a copy is trained to the schedule's end in a few epochs: the copy is compared, and
           thrown away

Epochs count all that a trial trains on its way, those of a schedule that is started again included; a branch's
come on top. A fully trained trial of `continue` was trained by another schedule than one of the other three, and its
accuracies compare with those of its like only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from training.config import TrialConfig
from training.trainer.schedules import scheduled_lambda, scheduled_learning_rate

# The configuration's keys of all this.
RUNG_KEYS = ("rungs", "rung_schedule", "branch_epochs")
# A branch's metrics have names of their own: a trial's curve is that of the model which it keeps.
RUNG_PREFIX = "rung/"
BRANCH_EPOCHS = "branch_epochs"


@dataclass(frozen=True, slots=True)
class Segment:
    """A complete schedule of so many `epochs` after `start` others, from new weights or from those at hand."""

    start: int
    epochs: int
    anew: bool


def segments(config: TrialConfig) -> tuple[Segment, ...]:
    """Give the complete schedules that a trial runs, one after another."""
    if config.rung_schedule == "restart":
        lengths = (*config.rungs, config.epochs)
    elif config.rung_schedule == "continue":
        lengths = tuple(end - start for start, end in pairwise((0, *config.rungs, config.epochs)))
    else:
        lengths = (config.epochs,)
    starts = accumulate(lengths[:-1], initial=0)
    anew = config.rung_schedule == "restart"
    return tuple(Segment(start, length, anew) for start, length in zip(starts, lengths, strict=True))


def progress_at(config: TrialConfig, epoch: int, step: int, steps: int) -> float:
    """Give the fraction of the present schedule spent before `step` of `steps` of the epoch after `epoch` others.

    One division of whole numbers: at an epoch's beginning it equals epoch / epochs to the last bit, so
    that a drop at 75/120 falls where it should.
    """
    segment = _segment_at(config, epoch)
    return ((epoch - segment.start) * steps + step) / (segment.epochs * steps)


def begins_anew(config: TrialConfig, epoch: int) -> bool:
    """Tell whether the epoch after `epoch` others is the first from new weights, the very first one aside."""
    segment = _segment_at(config, epoch)
    return segment.anew and segment.start == epoch > 0


def _segment_at(config: TrialConfig, epoch: int) -> Segment:
    return next(segment for segment in reversed(segments(config)) if epoch >= segment.start)


def total_epochs(config: TrialConfig) -> int:
    """Give the epochs after which a trial is fully trained."""
    last = segments(config)[-1]
    return last.start + last.epochs


def compared_after(config: TrialConfig) -> tuple[int, ...]:
    """Give the epochs, of all that a trial trains, after which it is compared with others before its end."""
    return tuple(accumulate(config.rungs)) if config.rung_schedule == "restart" else config.rungs


def is_evaluated(config: TrialConfig, epoch: int) -> bool:
    """Tell whether accuracies are measured after `epoch` epochs: every `eval_every`, and wherever trials compare."""
    return epoch % config.eval_every == 0 or epoch in compared_after(config) or epoch == total_epochs(config)


def branched_epochs(config: TrialConfig, epoch: int) -> int:
    """Give the epochs of all branches until `epoch` epochs are trained."""
    branches = sum(rung <= epoch for rung in config.rungs) if config.rung_schedule == "branch" else 0
    return branches * config.branch_epochs


def branch_config(config: TrialConfig, epoch: int) -> TrialConfig:
    """Give the configuration of the branch after `epoch` epochs: the rest of the schedule in `branch_epochs`."""
    spent = epoch / config.epochs
    left = 1 - spent
    passed = sum(spent >= drop for drop in config.lr_drops)
    ramped = spent >= config.ramp_end
    return replace(
        config,
        rungs=(),
        rung_schedule="as_is",
        epochs=config.branch_epochs,
        learning_rate=scheduled_learning_rate(config, spent),
        lr_drops=tuple((drop - spent) / left for drop in config.lr_drops[passed:]),
        lr_after_drops=config.lr_after_drops[passed:],
        lam_start=scheduled_lambda(config, spent),
        ramp_start=max(0.0, config.ramp_start - spent) / left,
        ramp_end=1.0 if ramped else (config.ramp_end - spent) / left,
    )


def rung_metrics(
    config: TrialConfig, epoch: int, branch: Callable[[TrialConfig], Mapping[str, float]]
) -> dict[str, float]:
    """Give the metrics that branches add after `epoch` epochs, with `branch` to train one; none for the other ways."""
    if config.rung_schedule != "branch":
        return {}
    cost = {BRANCH_EPOCHS: float(branched_epochs(config, epoch))}
    if epoch not in config.rungs:
        return cost
    found = branch(branch_config(config, epoch))
    return {**{f"{RUNG_PREFIX}{name}": value for name, value in found.items()}, **cost}
