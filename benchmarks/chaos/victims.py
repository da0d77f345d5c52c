"""Find the processes that a kill may hit: the driver, Ray's raylet and head, and those that train trials."""

from enum import StrEnum
from pathlib import Path

_WORKER = "ray::"
# Workers that train no trial: those of the node itself and idle ones.
_NO_TRIALS = ("Agent", "IDLE")


class Victim(StrEnum):
    """What is killed."""

    DRIVER = "driver"
    TRIAL = "trial process"
    RAYLET = "raylet"
    HEAD = "head (GCS)"


_PROGRAMS = {Victim.RAYLET: "raylet", Victim.HEAD: "gcs_server"}


def find(driver: int, victim: Victim) -> list[int]:
    """Return the ids of the processes of a kind below a driver; an empty list if there are none now."""
    if victim is Victim.DRIVER:
        return [driver]
    below = {pid: command for pid, command in _descendants(driver).items() if command}
    if victim in _PROGRAMS:
        return [pid for pid, command in below.items() if Path(command.split("\0")[0]).name == _PROGRAMS[victim]]
    workers = {pid: command for pid, command in below.items() if command.startswith(_WORKER)}
    return [pid for pid, command in workers.items() if not any(word in command for word in _NO_TRIALS)]


def _descendants(driver: int) -> dict[int, str]:
    parents, commands = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state = (folder / "stat").read_text(encoding="utf-8", errors="replace")
            commands[int(folder.name)] = (folder / "cmdline").read_text(encoding="utf-8", errors="replace")
        except OSError:  # it ended meanwhile
            continue
        parents[int(folder.name)] = int(state.rpartition(")")[2].split()[1])
    found: dict[int, str] = {}
    layer = {driver}
    while layer:
        layer = {pid for pid, parent in parents.items() if parent in layer and pid not in found}
        found |= {pid: commands.get(pid, "") for pid in layer}
    return found
