"""Multi-objective asynchronous successive halving (MO-ASHA), stopping type, as pure rules."""

from tuner.asha.rungs import Rungs, milestones

__all__ = ["Rungs", "milestones"]
