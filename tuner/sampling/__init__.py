"""Which parameters to try next, as a pure function of what is known."""

from tuner.sampling.propose import Evidence, propose

__all__ = ["Evidence", "propose"]
