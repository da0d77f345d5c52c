"""What Ray Tune wants to pickle and this project never reads back."""

from typing import Any


class Unpickled:
    """Ray pickles its settings for `Tuner.restore`, which this project replaces by the ledger."""

    def __getstate__(self) -> dict[str, Any]:
        return {}
