"""The code from outside that a search uses: where it was found, and whether it is still that of the search's start.

A frozen space records it under `plug_ins`, by module: its file, or its folder if it is a package, and a hash.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.outside_code import look_in
from training.outside_sources import Source, sources_of
from tuner.errors import UsageError
from tuner.runs.folder import SearchFolder
from tuner.space import Space

FACT = "plug_ins"
_WEIGHTS = "start_weights"


def plug_ins_of(space: Space) -> list[Source]:
    """Return the sources of all modules from outside that a checked space uses, and of those that they import.

    Files of start weights are among them, because they decide as much what a trial learns. Raise UsageError if one is
    missing.
    """
    return [*sources_of(space.outside_modules), *map(_weights, start_weights_of(space))]


def start_weights_of(space: Space) -> list[Path]:
    """Return the files of weights with which trials of a space may start."""
    searched = [space.parameters[name].extremes().values() for name in space.names_of(_WEIGHTS)]
    found = [space.trial.get(_WEIGHTS, ""), *(value for values in searched for value in values)]
    return [Path(value).expanduser() for value in dict.fromkeys(found) if value]


def hashes_of_start_weights(sources: Sequence[Source]) -> dict[str, str]:
    """Return, by path, the hash of each file of start weights among the sources of a search."""
    return {str(source.place): source.hash for source in sources if _is_file_of_weights(source.module)}


def _is_file_of_weights(module: str) -> bool:
    return module.startswith(f"{_WEIGHTS} ")  # no name of a module has a space


def _weights(path: Path) -> Source:
    """Return a file of weights as a source, which is installed on every machine: Ray does not copy it."""
    if not path.is_absolute():
        rule = "must be an absolute path, because trials run in another folder"
        raise UsageError(f"start_weights: the value is {str(path)!r}, but {rule}.", _WEIGHTS)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError as error:
        way = "every machine that trains must have it"
        raise UsageError(
            f"The file of start_weights, {path}, cannot be read ({error.strerror}): {way}.", path
        ) from error
    return Source(f"{_WEIGHTS} {path}", path, digest, is_installed=True)


def shared_plug_ins(space: Space, source: Space) -> list[Source]:
    """Return the sources of the modules and of the start weights that trials of two checked spaces both use.

    A confirmation may add attacks of its own. A sampler changes no trial.
    """
    modules = [module for module in space.outside_modules if module in source.trial_modules]
    weights = [path for path in start_weights_of(space) if path in start_weights_of(source)]
    return [*sources_of(modules), *map(_weights, weights)]


def plug_ins_fact(sources: Sequence[Source]) -> dict[str, Any]:
    """Return what a frozen space records of them; nothing if there are none."""
    return (
        {FACT: {source.module: {"place": str(source.place), "hash": source.hash} for source in sources}}
        if sources
        else {}
    )


def look_where_recorded(folder: SearchFolder) -> None:
    """Look for modules also in the folders in which they lay when the search began."""
    for module, recorded in _recorded(folder.frozen()).items():
        if not _is_file_of_weights(module):
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
            f"What {source.module} names in {source.place} (hash {source.hash}) is not that with which {folder.name} "
            f"began (hash {before['hash']}){moved}, so old and new trials could not be compared. Put the old file "
            "back, start a new search without the old trials, or go on with --accept-changed-code.",
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
