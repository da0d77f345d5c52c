"""Objects that Ray Tune wants to pickle, and that this project never reads back."""

from typing import Any


class EmptyPickle:
    """Pickles without its attributes. Ray pickles its settings for `Tuner.restore`; here the ledger takes that part."""

    def __getstate__(self) -> dict[str, Any]:
        return {}
