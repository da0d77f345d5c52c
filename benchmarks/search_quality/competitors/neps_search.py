"""NePS's search for several objectives and fidelities, PriMO (`pip install neural-pipeline-search`, tried with 0.17.0).

PriMO begins with multi-objective ASHA and goes on with Bayesian optimisation (arXiv:2509.15930). It is given no priors,
as a user has none. The fidelity is the epochs, and a trial that goes on is trained from where it is.
"""

import random
from contextlib import suppress
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
        self._epochs = setting.epochs
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
        """Ask PriMO, and give a new trial a number of its own: PriMO counts only the trials that have ended."""
        sampled = self._sampled(trials, budget, count)
        assert not isinstance(sampled, list)
        if sampled.previous_config_id is not None:
            return sampled
        _, *rung = sampled.id.split("_")
        number = 1 + max((int(each.split("_")[0]) for each in trials), default=-1)
        return replace(sampled, id="_".join([str(number), *rung]))

    def _sampled(self, trials: Any, budget: Any, count: int | None) -> Any:
        """Ask PriMO where it would fail with several workers, too.

        Its first phase lasts for the epochs of some full trainings. Then it fails if no trial is trained to the end
        yet, and its message advises a longer first phase: here it lasts until one is. And if all trials of a rung still
        run, it fails instead of starting a new one: it is asked as if there were no trials.
        """
        no_trials: dict[str, Any] = {}
        for known in (trials, no_trials):
            with suppress(ValueError):
                if self._has_full_training(trials):
                    return self._optimizer(known, budget, count)
                return self._optimizer.sample_using_initial_design(trials=known, budget_info=budget, n=count)
        raise AssertionError("PriMO starts no trial, although it knows of none")

    def _has_full_training(self, trials: Any) -> bool:
        return any(trial.report is not None and trial.config[_FIDELITY] == self._epochs for trial in trials.values())


def _parameter(spec: dict[str, Any]) -> Any:
    if spec["type"] == "categorical":
        return HPOCategorical(spec["choices"])
    kind = HPOInteger if spec["type"] == "int" else HPOFloat
    return kind(spec["low"], spec["high"], log=spec.get("log", False))


if __name__ == "__main__":
    serve(NepsSearch)
