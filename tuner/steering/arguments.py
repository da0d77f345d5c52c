"""The words of `tuner add` and `tuner set`, read and checked before an instruction is on record."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from training.nearest_names import did_you_mean
from training.yaml_text import YamlTextError, parse_yaml
from tuner.errors import UsageError
from tuner.ledger import Outcome, TrialRecord
from tuner.search.enqueued import fault_of_enqueued
from tuner.space import Space, space_from_mapping
from tuner.space.fractions import with_numbers

CONCURRENCY = "concurrency"
# What a driver can change while it runs. All of them but the concurrency are keys of the space.
SETTINGS = ("search.trials", "search.max_failures", "search.max_epochs", "search.patience", CONCURRENCY)
# As many trials at once as the cluster has room for.
AUTO = "auto"


def read_point(space: Space, words: Sequence[str]) -> dict[str, Any]:
    """Return the parameters of a trial from words such as `alpha=0.3`; the sampler proposes those that are absent.

    Raise UsageError if the search cannot run such a trial.
    """
    point = with_numbers(_values(words, "alpha=0.3"), space.parameters)
    if (fault := fault_of_enqueued(space, point)) is not None:
        raise UsageError(f"The search cannot run such a trial: {fault}.", tuple(point))
    return point


def read_settings(space: Space, words: Sequence[str]) -> dict[str, Any]:
    """Return settings from words such as `search.trials=96`; raise UsageError for one that a driver cannot change."""
    values = _values(words, "search.trials=96")
    for key in values:
        if key not in SETTINGS:
            hint = did_you_mean(key, SETTINGS) or f"those that can are {', '.join(SETTINGS)}."
            way = "Resources and data_root change with `tuner run --resume NAME --set KEY=VALUE`, after a stop"
            raise UsageError(f"{key} cannot change while a search runs: {hint} {way}.", key)
    with_settings(space, values)
    read_concurrency(values.get(CONCURRENCY, AUTO))
    return values


def require_running(search: str, trials: Iterable[TrialRecord], number: int) -> None:
    """Raise UsageError if a trial cannot be stopped, because it has not started or has ended."""
    found = next((trial for trial in trials if trial.number == number), None)
    if found is None or found.outcome is not Outcome.RUNNING:
        state = "has not started" if found is None else f"has ended already: it is {found.outcome}"
        raise UsageError(f"Trial {number} of {search} {state}. `tuner show {search}` lists the trials.", number)


def with_settings(space: Space, values: Mapping[str, Any]) -> Space:
    """Return the space with other rules; keys of no section are ignored. Raise UsageError if a value is not allowed."""
    mapping = space.model_dump(mode="json")
    for key, value in values.items():
        section, dot, name = key.partition(".")
        if dot:
            mapping[section][name] = value
    changed = space_from_mapping(mapping, "the setting", imports=False)
    return space.model_copy(update={"search": changed.search})


def read_concurrency(value: Any) -> int | None:
    """Return the number of trials at once, None for `auto`; raise UsageError for anything else."""
    if value == AUTO:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise UsageError(f"{CONCURRENCY} is {value!r}, but must be an integer >= 1, or {AUTO}.", CONCURRENCY)
    return value


def _values(words: Sequence[str], example: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not key or not equals:
            raise UsageError(f"{word!r} must have the form KEY=VALUE, such as {example}.", word)
        if key in values:
            raise UsageError(f"{key} is given twice: keep one.", key)
        try:
            values[key] = parse_yaml(text)
        except YamlTextError as error:
            raise UsageError(f"{word!r}: {error}", word) from error
    return values
