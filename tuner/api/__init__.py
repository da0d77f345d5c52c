"""The same in Python as on the command line: build a space, run a search, read and choose from its results."""

from tuner.api.checked_space import Space
from tuner.api.opened_search import Search, load
from tuner.api.pareto_front import Choice, Front
from tuner.api.run_search import SearchFailedError, run

__all__ = ["Choice", "Front", "Search", "SearchFailedError", "Space", "load", "run"]
