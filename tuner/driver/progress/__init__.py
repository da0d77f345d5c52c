"""The display while a search runs: a live table on a terminal, plain lines elsewhere."""

from tuner.driver.progress.live import LiveProgress
from tuner.driver.progress.plain import PlainProgress, Progress

__all__ = ["LiveProgress", "PlainProgress", "Progress"]
