"""SMAC3's multi-fidelity search with several objectives (`pip install smac`, tried with 2.4.0 and scikit-learn 1.7).

`MultiFidelityFacade` with ParEGO, by ask and tell. The fidelity is the epochs, and a trial that goes on is trained from
where it is, which SMAC leaves to its users.
"""

import tempfile
from pathlib import Path
from typing import Any

from ConfigSpace import CategoricalHyperparameter, ConfigurationSpace, UniformFloatHyperparameter
from ConfigSpace import UniformIntegerHyperparameter as UniformInteger
from smac import MultiFidelityFacade, Scenario
from smac.multi_objective.parego import ParEGO
from smac.runhistory.dataclasses import TrialInfo, TrialValue

from benchmarks.search_quality.competitors.ask_and_tell import Asked, Setting, serve

_TRIALS = 10_000  # more than a search ever starts


class SmacSearch:
    """SMAC with one scenario; a trial is a configuration."""

    def __init__(self, setting: Setting) -> None:
        space = ConfigurationSpace(seed=setting.seed)
        space.add([_parameter(*item) for item in setting.parameters.items()])
        scenario = Scenario(
            space,
            objectives=["first", "second"],
            min_budget=setting.grace_epochs,
            max_budget=setting.epochs,
            n_trials=_TRIALS,
            seed=setting.seed,
            output_directory=Path(tempfile.mkdtemp()),
        )
        self._facade = MultiFidelityFacade(
            scenario,
            _not_called,
            # The default fails where incumbents have different budgets, as they have with several objectives.
            intensifier=MultiFidelityFacade.get_intensifier(
                scenario, eta=setting.reduction_factor, incumbent_selection="highest_budget"
            ),
            multi_objective_algorithm=ParEGO(scenario),
            # A quarter of `_TRIALS` would be far too many; so it is 10 for each parameter, as the facade has it.
            initial_design=MultiFidelityFacade.get_initial_design(scenario),
            logging_level=40,
            overwrite=True,
        )
        self._numbers: dict[Any, int] = {}
        self._asked = 0
        self._running: dict[int, TrialInfo] = {}

    def ask(self) -> Asked:
        """Ask for a configuration and its budget.

        With many workers SMAC may ask for a configuration that is running; it is then trained twice.
        """
        info = self._facade.ask()
        number = self._numbers.get(info.config)
        if number is None or number in self._running:
            number = self._asked
            self._asked += 1
        self._numbers[info.config] = number
        self._running[number] = info
        # Some values are NumPy's, which JSON does not know.
        point = {name: getattr(value, "item", lambda value=value: value)() for name, value in dict(info.config).items()}
        return Asked(number, point, round(info.budget))

    def tell(self, number: int, losses: tuple[float, float]) -> None:
        """Tell the losses at the budget."""
        self._facade.tell(self._running.pop(number), TrialValue(cost=list(losses)), save=False)


def _not_called(config: Any, seed: int, budget: float) -> None:
    """Exist, because a facade wants a function; ask and tell never call it."""


def _parameter(name: str, spec: dict[str, Any]) -> Any:
    if spec["type"] == "categorical":
        return CategoricalHyperparameter(name, spec["choices"])
    kind = UniformInteger if spec["type"] == "int" else UniformFloatHyperparameter
    return kind(name, lower=spec["low"], upper=spec["high"], log=spec.get("log", False))


if __name__ == "__main__":
    serve(SmacSearch)
