"""The files of a search's results: those of its front, or of a confirmation its table."""

from collections.abc import Sequence
from pathlib import Path

from tuner.confirm.table import confirmation_rows, write_confirmation
from tuner.ledger import TrialRecord
from tuner.report.analysis.front_data import FrontData
from tuner.report.front_files import write_front_files
from tuner.space import Space


def write_results(folder: Path, space: Space, trials: Sequence[TrialRecord], data: FrontData) -> list[Path]:
    """Write the files and give their paths; a confirmation has no front, to be chosen from by the test set."""
    if space.confirm is None:
        return write_front_files(folder, data)
    return write_confirmation(folder, space, confirmation_rows(space, trials))
