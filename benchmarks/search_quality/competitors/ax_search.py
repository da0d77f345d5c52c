"""Ax's default for several objectives, with full trainings (`pip install ax-platform`, tried with 1.3.1).

As https://ax.dev/docs/tutorials/multiobjective describes it: a `Client`, an objective of two metrics, and nothing else
that changes a proposal. After Ax's own first trials it draws further ones at random until enough of them have ended.
"""

from typing import Any, Literal

from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

from benchmarks.search_quality.competitors.ask_and_tell import Asked, Setting, serve


class AxSearch:
    """Ax with one client."""

    def __init__(self, setting: Setting) -> None:
        self._epochs = setting.epochs
        self._client = Client(random_seed=setting.seed)
        self._client.configure_experiment(parameters=[_parameter(*item) for item in setting.parameters.items()])
        self._client.configure_optimization(objective="-first, -second")
        self._client.configure_generation_strategy(
            initialization_random_seed=setting.seed, allow_exceeding_initialization_budget=True
        )

    def ask(self) -> Asked:
        """Ask for one trial."""
        ((number, point),) = self._client.get_next_trials(max_trials=1).items()
        return Asked(number, dict(point), self._epochs)

    def tell(self, number: int, losses: tuple[float, float]) -> None:
        """Complete the trial."""
        first, second = losses
        self._client.complete_trial(trial_index=number, raw_data={"first": first, "second": second})


def _parameter(name: str, spec: dict[str, Any]) -> RangeParameterConfig | ChoiceParameterConfig:
    if spec["type"] == "categorical":
        numbers = all(isinstance(choice, int) for choice in spec["choices"])
        kind: Literal["int", "str"] = "int" if numbers else "str"
        return ChoiceParameterConfig(name=name, values=spec["choices"], parameter_type=kind, is_ordered=numbers)
    return RangeParameterConfig(
        name=name,
        bounds=(spec["low"], spec["high"]),
        parameter_type=spec["type"],
        scaling="log" if spec.get("log") else "linear",
    )


if __name__ == "__main__":
    serve(AxSearch)
