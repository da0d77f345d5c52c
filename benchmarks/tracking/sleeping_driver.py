"""`tuner run` whose trials sleep instead of training: SECONDS of an epoch, then the command's own arguments.

The search then takes as long as its epochs, whatever else the machine does, so that the cost of tracking becomes
visible.
"""

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tuner.cli import main
from tuner.engine import cluster

SECONDS = float(sys.argv[1])


def sleeping_trial(config: dict[str, Any]) -> None:
    """Take the place of `run_trial` in the workers; Ray pickles it and sends it to them."""
    from ray import tune

    from tuner.engine.trial_task import task_of

    trial = task_of(config).config
    for epoch in range(1, trial.epochs + 1):
        time.sleep(SECONDS)
        share = epoch / trial.epochs
        metrics = {f"loss/{name}": 1 - share for name in ("natural", "adversarial", "total")}
        alpha = trial.knobs["alpha"]
        natural, robust = share * alpha, share * (1 - alpha)
        tune.report({"epoch": epoch, "metrics": {"natural_accuracy": natural, "pgd_accuracy": robust, **metrics}})


def connect(
    address: str | None,
    modules: Sequence[Path] = (),
    connect: Callable[[str | None, Sequence[Path]], None] = cluster.connect,
) -> None:
    """Connect first and replace the trial after that, because Ray reads its settings when it is imported."""
    connect(address, modules)
    from tuner.engine import session

    session.run_session = partial(session.run_session, trial=sleeping_trial)


if __name__ == "__main__":
    cluster.connect = connect
    main(["run", *sys.argv[2:]])
