"""Which parameters to try next, as a pure function of what is known."""

from tuner.sampling.evidence import STARTUP_TRIALS, Evidence
from tuner.sampling.points import exhausted
from tuner.sampling.propose import propose

__all__ = ["STARTUP_TRIALS", "Evidence", "exhausted", "propose"]
