"""How tests ask for an error: by its class and by what it is about, not by its words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from training.explained_error import ExplainedError


@contextmanager
def raises_about(kind: type[ExplainedError], subject: object) -> Iterator[pytest.ExceptionInfo[Any]]:
    """Check that the block raises an error of this kind about this subject."""
    with pytest.raises(kind) as caught:
        yield caught
    assert caught.value.subject == subject, str(caught.value)
