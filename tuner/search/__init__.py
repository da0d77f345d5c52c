"""A search without Ray: what to run next, and what to decide on a report."""

from tuner.search.listener import Assignment, Listener
from tuner.search.search import Search

__all__ = ["Assignment", "Listener", "Search"]
