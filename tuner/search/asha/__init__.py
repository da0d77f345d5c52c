"""Multi-objective asynchronous successive halving (MO-ASHA), stopping type, as pure rules."""

from tuner.search.asha.rungs import Rungs

__all__ = ["Rungs"]
