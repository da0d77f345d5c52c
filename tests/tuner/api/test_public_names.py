"""What `from tuner import ...` offers, and when it loads what it needs."""

import subprocess
import sys

import pytest

import tuner
from tuner import api


def test_the_package_offers_what_the_room_offers() -> None:
    assert tuner.__all__ == ["Space", "load", "run"]
    for name in tuner.__all__:
        assert getattr(tuner, name) is getattr(api, name)
    with pytest.raises(AttributeError):
        tuner.fly  # noqa: B018


def test_importing_the_package_loads_no_library() -> None:
    """Commands import it for each process; torch and plotly take seconds."""
    code = "import sys, tuner; print({'torch', 'plotly', 'pandas', 'ray', 'mlflow', 'optuna'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
