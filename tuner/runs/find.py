"""Find a search by its name among the folders of `runs/`, and the folder of a new one."""

import contextlib
from pathlib import Path

from training.nearest_names import did_you_mean
from tuner.errors import UsageError
from tuner.runs.folder import SearchFolder
from tuner.runs.mirror import place_of
from tuner.runs.names import require_name
from tuner.space import Space


def all_searches(runs_dir: Path) -> list[SearchFolder]:
    """Return the searches of a runs folder, the newest first; those with an unreadable space come last."""
    folders = [SearchFolder(path.parent) for path in runs_dir.glob("*/space.yaml")]
    return sorted(folders, key=_created, reverse=True)


def _created(folder: SearchFolder) -> str:
    try:
        return str(folder.frozen()["created"])
    except UsageError:
        return ""


def find_search(runs_dir: Path, name: str) -> SearchFolder:
    """Return the search of this name; raise UsageError with the nearest names if there is none."""
    folder = SearchFolder(runs_dir / name)
    with contextlib.suppress(OSError):  # a name longer than the file system allows
        if name and folder.space_file.is_file():
            return folder
    names = [search.name for search in all_searches(runs_dir)]
    if name in names:  # its space.yaml is no file, which the error of reading it says
        return folder
    hint = did_you_mean(name, names, cutoff=0.5) or "`tuner list` shows the searches."
    raise UsageError(f"There is no search named {name!r} in {place_of(runs_dir)}: {hint}", name)


def new_search(runs_dir: Path, name: str | None, space: Space) -> SearchFolder:
    """Return the folder of a new search, without creating it; raise UsageError if the name is taken."""
    if name is None:
        taken = {path.name for path in runs_dir.glob(f"{space.name}-*")}
        number = next(n for n in range(1, len(taken) + 2) if f"{space.name}-{n}" not in taken)
        return SearchFolder(runs_dir / f"{space.name}-{number}")
    require_name(name, "--name")
    folder = SearchFolder(runs_dir / name)
    if folder.path.exists() and not folder.is_incomplete:
        way = f"continue it with --resume {name}" if folder.space_file.exists() else f"remove {place_of(folder.path)}"
        raise UsageError(f"The name {name!r} exists already: choose another name, or {way}.", ("--name", name))
    return folder
