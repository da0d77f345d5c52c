"""What a driver works with: Ray, the data, MLflow and the lock. A test passes its own in their place."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.confirm.presentation import Presentation, presentation_of
from tuner.driver.preflight import CheckedData, check_data
from tuner.engine.cluster import connect, disconnect, require_resources
from tuner.engine.session_interface import Ending, SessionEvents, SessionOptions
from tuner.ledger import Ledger
from tuner.runs.folder import SearchFolder
from tuner.runs.lock import driver_lock
from tuner.search import Search
from tuner.space import Space
from tuner.space.sections import ResourcesSpec

if TYPE_CHECKING:
    from tuner.tracking.projection import Projection


# Importing Ray and MLflow takes seconds, for which a request that is refused should not have to wait.
def _run_session(search: Search, folder: Path, options: SessionOptions, events: SessionEvents) -> Ending:
    from tuner.engine.session import run_session

    return run_session(search, folder, options, events)


def _projection_of(folder: SearchFolder, space: Space, ledger: Ledger, tracking_uri: str) -> "Projection":
    from tuner.tracking.projection import projection_of

    return projection_of(folder, space, ledger, tracking_uri)


@dataclass(frozen=True)
class Environment:
    """The collaborators of a driver.

    Attributes:
        connect: joins a Ray cluster by its address, or starts one on this machine for None; its processes can import
            these files and packages.
        disconnect: leaves the cluster.
        require_resources: raises UsageError if no trial fits the cluster; the space's name is for the message.
        check_data: raises UsageError if the data of a space are unusable; returns what it found.
        run_session: runs the trials of a search in its folder until it ends or is stopped.
        projection_of: makes the writer of a search's runs in MLflow, at an address.
        lock: holds the lock of a search, by its folder and the URL of its ledger.
        presentation_of: says what the results of a space look like.

    """

    connect: Callable[[str | None, Sequence[Path]], None] = connect
    disconnect: Callable[[], None] = disconnect
    require_resources: Callable[[ResourcesSpec, str], None] = require_resources
    check_data: Callable[[Space], CheckedData] = check_data
    run_session: Callable[[Search, Path, SessionOptions, SessionEvents], Ending] = _run_session
    projection_of: "Callable[[SearchFolder, Space, Ledger, str], Projection]" = _projection_of
    lock: Callable[[Path, str], AbstractContextManager[None]] = driver_lock
    presentation_of: Callable[[Space], Presentation] = presentation_of
