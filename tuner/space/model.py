"""The validated, frozen form of a space file: what its trials are configured with, and what they are compared by."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from optuna.distributions import BaseDistribution

from training.config import TrialConfig, computed_metrics, defaults_of, own_value, parse_trial
from training.config.preset_files import with_preset
from training.registry import outside_modules
from tuner.pareto.objectives import FloatArray, Objective, as_losses
from tuner.space.chosen_names import used_keys
from tuner.space.points import STOP_AFTER, SearchedPoints
from tuner.space.repeats import MOST_SEEDS, SEED, SEED_DISTRIBUTION
from tuner.space.sections import ConstraintSpec


class Space(SearchedPoints):
    """Everything that defines a search. Equal spaces define equal searches."""

    @property
    def epochs(self) -> int:
        """The budget of one trial, in epochs."""
        epochs: int = self.shared("epochs")
        return epochs

    @property
    def most_epochs(self) -> int:
        """The epochs of all trials together, if none is stopped. Trials of a confirmation may end early."""
        if STOP_AFTER not in self.parameters:
            return self.search.trials * self.epochs
        ends = [int(point.get(STOP_AFTER) or self.epochs) for point in self.search.points]
        return sum(ends) * self.search.seeds

    def shared(self, key: str) -> Any:
        """Return the value of a key that all trials have and that cannot be searched, without loading the trainer."""
        # Only a preset can decide such a key; a grid need not be listed for anything else.
        corner = next(self.corners()) if self.names_of("preset") else {}
        searched = {self.key_of(name): value for name, value in corner.items()}
        return own_value(with_preset({**self.trial, **searched}), key)

    @property
    def trial_modules(self) -> list[str]:
        """The modules from outside that decide what the trials learn and measure: imported ones, and those of names."""
        choices = [value for parameter in self.parameters.values() for value in parameter.extremes().values()]
        named = [*self.trial.values(), *choices, *self.objectives, *self.constraints]
        return list(dict.fromkeys([*self.imports, *outside_modules(named)]))

    @property
    def outside_modules(self) -> list[str]:
        """All modules from outside: those of the trials, of a confirmation's attacks, and of the sampler."""
        attacks = self.confirm.attacks if self.confirm is not None else []
        return list(dict.fromkeys([*self.trial_modules, *outside_modules([*attacks, self.search.sampler])]))

    @property
    def rung_epochs(self) -> tuple[int, ...]:
        """The epochs after which trials are compared before their end."""
        return tuple(self.early_stopping.milestones(self.epochs))

    @property
    def compared_epochs(self) -> tuple[int, ...]:
        """The epochs at which trials are compared: the rungs and the end."""
        return (*self.rung_epochs, self.epochs)

    @property
    def example(self) -> TrialConfig:
        """The configuration of one point. Keys that cannot be searched are the same in all points."""
        return self.trial_config(next(self.corners()))

    @property
    def objective_list(self) -> tuple[Objective, ...]:
        """The objectives in the order of the file."""
        return tuple(Objective(n, o.direction == "maximize", o.limit) for n, o in self.objectives.items())

    @property
    def constraint_list(self) -> tuple[Objective, ...]:
        """The constraints as objectives that are not optimised: one for each `at_least` and each `at_most`."""
        sides = [(name, side) for name, spec in self.constraints.items() for side in _sides(spec)]
        return tuple(Objective(name, *side) for name, side in sides)

    @property
    def criteria(self) -> tuple[Objective, ...]:
        """All by which trials are compared: the objectives, then the constraints."""
        return (*self.objective_list, *self.constraint_list)

    @property
    def every_epoch(self) -> bool:
        """Whether every evaluated epoch of a trial may be a point of the front, and not only its final values."""
        return self.search.candidates == "every_evaluation"

    @property
    def reseeds(self) -> bool:
        """Whether points may be trained again with another seed."""
        return self.search.reseed != "none"

    def is_repeat(self, parameters: Mapping[str, Any]) -> bool:
        """Return whether a trial with these parameters trains a known point with another seed."""
        return self.reseeds and SEED in parameters

    def seed_of(self, training: int) -> int:
        """Return the seed of a training of a point; the first one has number 0."""
        return int(self.trial.get(SEED, self.search.seed)) + training

    @property
    def first_unused_seed(self) -> int:
        """A seed from which on no trial of the search has one."""
        return self.seed_of(MOST_SEEDS if self.reseeds else self.search.seeds)

    def recorded_distributions(self) -> dict[str, BaseDistribution]:
        """Return Optuna's form of all parameters that a trial may have: the searched ones, and a repeat's seed."""
        return {**self.distributions(), **({SEED: SEED_DISTRIBUTION} if self.reseeds else {})}

    @property
    def reference(self) -> dict[str, float]:
        """The reference point of the hypervolume, in the units of the metrics."""
        return {name: objective.reference for name, objective in self.objectives.items()}

    @property
    def reference_losses(self) -> FloatArray:
        """The reference point as losses, (m,), one for each objective."""
        losses: FloatArray = as_losses([self.reference], self.objective_list)[0]
        return losses

    @property
    def _always(self) -> dict[str, Any]:
        return {"seed": self.search.seed, **({"imports": list(self.imports)} if self.imports else {})}

    def given_keys(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keys that a point and `trial` give to its trial, not those of names it does not choose."""
        searched = {self.key_of(name): value for name, value in point.items()}
        possible = {self.key_of(name): self._possible_values(self.key_of(name)) for name in self.parameters}
        return {**used_keys(self.trial, searched, possible), **searched}

    def _possible_values(self, key: str) -> list[Any]:
        """Return the values that a searched key has in some trial; of ranges, which choose no names, none."""
        found: list[Any] = []
        names = self.names_of(key)
        for parameter in map(self.parameters.__getitem__, names):
            found += parameter.choices if parameter.type == "categorical" else []
        if all(name in self.conditions for name in names):  # where no condition holds
            found += [self.trial[key]] if key in self.trial else defaults_of(key)
        return found

    def trial_config(self, parameters: Mapping[str, Any]) -> TrialConfig:
        """Return the trainer's configuration of one point.

        All trials have the seed of the search, so that they differ in their parameters only, unless a grid has
        several seeds, or a trial repeats another one. A trainer that does not evaluate after every epoch is told the
        rungs, to evaluate there too. It is told the metrics of objectives and constraints, to measure them.
        """
        config = parse_trial(with_preset({**self._always, **self.given_keys(parameters)}))
        config = replace(config, metrics=computed_metrics([*config.metrics, *self.objectives, *self.constraints]))
        rungs = tuple(self.early_stopping.milestones(config.epochs))
        return replace(config, rungs=rungs) if rungs and config.eval_every > 1 else config

    def defaults(self) -> dict[str, Any]:
        """Return the keys that nothing in the space gives a value, with the trainer's defaults.

        A key with different defaults in different trials is left out; with a searched preset, all are.
        """
        if self.names_of("preset"):
            return {}
        found: dict[str, list[Any]] = {}
        for branch in self.branches():
            for key, value in self.trial_config(branch).to_mapping().items():
                if value not in (values := found.setdefault(key, [])):
                    values.append(value)
        elsewhere = {*self.trial, *map(self.key_of, self.parameters)}
        return {key: values[0] for key, values in found.items() if len(values) == 1 and key not in elsewhere}


def _sides(spec: ConstraintSpec) -> list[tuple[bool, float]]:
    """Return (whether it is maximised, its limit) for each side on which a constraint limits a metric."""
    found = [(True, spec.at_least), (False, spec.at_most)]
    return [(maximise, limit) for maximise, limit in found if limit is not None]
