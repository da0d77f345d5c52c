"""Distributed multi-objective search over adversarial training: Ray Tune runs it, a ledger records it.

In Python: `from tuner import Space, load, run`. They are loaded when they are first used, because their libraries take
seconds to import.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuner.api import Space, load, run

__all__ = ["Space", "load", "run"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tuner import api

    return getattr(api, name)
