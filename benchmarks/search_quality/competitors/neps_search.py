"""NePS's search for several objectives and fidelities, PriMO (`pip install neural-pipeline-search`, tried with 0.17.0).

PriMO begins with multi-objective ASHA and goes on with Bayesian optimisation (arXiv:2509.15930). It is given no priors,
as a user has none. The fidelity is the epochs, and a trial that goes on is trained from where it is.
"""

import random
from dataclasses import replace
from typing import Any

import neps
import numpy as np
import torch
from neps.optimizers import algorithms
from neps.space import HPOCategorical, HPOFloat, HPOInteger, SearchSpace

from benchmarks.search_quality.competitors.ask_and_tell import Asked, Setting, serve

_FIDELITY = "epoch"


class NepsSearch:
    """PriMO by ask and tell. The identifier of a trial is that of a configuration, with its rung where it has one."""

    def __init__(self, setting: Setting) -> None:
        # NePS draws from the global generators.
        random.seed(setting.seed)
        np.random.seed(setting.seed)  # noqa: NPY002
        torch.manual_seed(setting.seed)
        space = {name: _parameter(spec) for name, spec in setting.parameters.items()}
        space[_FIDELITY] = HPOInteger(setting.grace_epochs, setting.epochs, is_fidelity=True)
        self._optimizer = algorithms.primo(SearchSpace(space), eta=setting.reduction_factor, prior_centers={})
        self._search = neps.AskAndTell(self._unique)
        self._running: dict[int, Any] = {}

    def ask(self) -> Asked:
        """Ask for a configuration at a fidelity."""
        trial = self._search.ask()
        number = int(trial.id.split("_")[0])
        self._running[number] = trial
        point = dict(trial.config)
        return Asked(number, {name: value for name, value in point.items() if name != _FIDELITY}, point[_FIDELITY])

    def tell(self, number: int, losses: tuple[float, float]) -> None:
        """Tell the losses at the fidelity."""
        self._search.tell(self._running.pop(number), {"objective_to_minimize": list(losses)})

    def _unique(self, trials: Any, budget: Any, count: int | None) -> Any:
        """Ask PriMO, and mend two faults that it has with several workers.

        Where all trials of a rung still run, it fails instead of starting a new trial. And it gives a new trial the
        number of one that runs, because it counts only the ended ones.
        """
        try:
            sampled = self._optimizer(trials, budget, count)
        except ValueError:
            sampled = self._optimizer({}, budget, count)
        assert not isinstance(sampled, list)
        if sampled.previous_config_id is not None:
            return sampled
        _, *rung = sampled.id.split("_")
        number = 1 + max((int(each.split("_")[0]) for each in trials), default=-1)
        return replace(sampled, id="_".join([str(number), *rung]))


def _parameter(spec: dict[str, Any]) -> Any:
    if spec["type"] == "categorical":
        return HPOCategorical(spec["choices"])
    kind = HPOInteger if spec["type"] == "int" else HPOFloat
    return kind(spec["low"], spec["high"], log=spec.get("log", False))


if __name__ == "__main__":
    serve(NepsSearch)
