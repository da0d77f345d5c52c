"""The code from outside that a search uses: where it was found, and whether it is still that of the search's start.

A frozen space records it under `plug_ins`, by module: its file, or its folder if it is a package, and a hash.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.outside_code import Source, look_in, sources_of
from tuner.errors import UsageError
from tuner.runs.folder import SearchFolder
from tuner.space import Space

FACT = "plug_ins"


def plug_ins_of(space: Space) -> list[Source]:
    """Return the sources of all modules from outside that a checked space uses, and of those that they import."""
    return sources_of(space.outside_modules)


def shared_plug_ins(space: Space, source: Space) -> list[Source]:
    """Return the sources of the modules that a checked space and its source both use.

    A confirmation may add attacks of its own, and leaves out the sampler of the search.
    """
    return sources_of(module for module in space.outside_modules if module in source.outside_modules)


def plug_ins_fact(sources: Sequence[Source]) -> dict[str, Any]:
    """Return what a frozen space records of them; nothing if there are none."""
    return (
        {FACT: {source.module: {"place": str(source.place), "hash": source.hash} for source in sources}}
        if sources
        else {}
    )


def look_where_recorded(folder: SearchFolder) -> None:
    """Look for modules also in the folders in which they lay when the search began."""
    for recorded in _recorded(folder.frozen()).values():
        look_in(Path(recorded["place"]).parent)


def require_unchanged(folder: SearchFolder, sources: Sequence[Source]) -> None:
    """Raise UsageError with the name of the first module whose code is not that with which the search began."""
    recorded = _recorded(folder.frozen())
    for source in sources:
        before = recorded.get(source.module, {"hash": "absent", "place": "nowhere"})
        if before["hash"] == source.hash:
            continue
        moved = "" if before["place"] == str(source.place) else f", which lay in {before['place']} then"
        raise UsageError(
            f"The code of {source.module} in {source.place} (hash {source.hash}) is not that with which {folder.name} "
            f"began (hash {before['hash']}){moved}, so old and new trials could not be compared. Put the old code "
            "back, start a new search, or continue with --accept-changed-code.",
            source.module,
        )


def _recorded(frozen: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return the records that are whole; a module without one counts as changed."""
    found = frozen.get(FACT, {})
    return {
        module: facts
        for module, facts in found.items()
        if isinstance(facts, dict) and all(isinstance(facts.get(key), str) for key in ("place", "hash"))
    }
