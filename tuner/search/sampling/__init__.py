"""Which parameters to try next, as a pure function of the trials that are known."""

from tuner.search.sampling.evidence import STARTUP_TRIALS, Evidence
from tuner.search.sampling.propose import exhausted, propose

__all__ = ["STARTUP_TRIALS", "Evidence", "exhausted", "propose"]
