"""Multi-objective asynchronous successive halving (MO-ASHA), stopping type, as pure rules."""

from tuner.asha.brackets import Brackets
from tuner.asha.rungs import Rungs, milestones

__all__ = ["Brackets", "Rungs", "milestones"]
