"""From the name or path of a space to a validated `Space`: find, read, override, and report all faults."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from training.config.preset_files import preset_names, with_preset
from training.nearest_names import did_you_mean, unknown_key
from training.outside_code import look_in
from training.yaml_text import YamlTextError, read_yaml
from tuner.errors import UsageError
from tuner.space import parameters, sections
from tuner.space.fault_error import fault_error
from tuner.space.model import Space
from tuner.space.overrides import Override, parse_overrides, set_key
from tuner.space.problems import cross_problems, form_problems, trial_problems
from tuner.space.samplers import unknown_sampler

_PROJECT_SPACES = Path(__file__).parents[2] / "search_spaces"
# The key of the facts in a search's own copy of its space; the copy stays a valid space file.
FROZEN_KEY = "frozen"
# What errors call a space that was built in Python.
GIVEN = "the space"
# What may stand below a key of the file, or below a parameter of this type.
_PARTS: dict[str | int, type[BaseModel]] = {
    "objectives": sections.ObjectiveSpec,
    "constraints": sections.ConstraintSpec,
    "search": sections.SearchSpec,
    "early_stopping": sections.EarlyStoppingSpec,
    "resources": sections.ResourcesSpec,
    "confirm": sections.ConfirmSpec,
    "float": parameters.FloatParameter,
    "int": parameters.IntParameter,
    "categorical": parameters.CategoricalParameter,
}


def known_spaces() -> dict[str, Path]:
    """Return files by name: those of `search_spaces/` in the current folder replace the project's own."""
    found: dict[str, Path] = {}
    for folder in (_PROJECT_SPACES, Path("search_spaces")):
        for path in sorted(folder.glob("**/*.yaml")):
            found[path.stem] = path
    return dict(sorted(found.items()))


def load_space(
    source: str | Mapping[str, Any],
    overrides: Sequence[str] = (),
    flags: Mapping[str, Any] | None = None,
    *,
    changes: Sequence[Override] = (),
    imports: bool = True,
) -> Space:
    """Return a validated space with changes: `--set` ("KEY=VALUE"), flags ({"search.trials": 8}), and `changes`.

    `source` is the name of a space, the path of a file, or the content of one. The key of an override may be short
    (`full_key`). Without the argument `imports` no code from outside runs: of a space that uses such code, `trial` and
    `parameters` are then not checked against the trainer. Raise UsageError with all faults of the file.
    """
    mapping, origin = _content(source)
    mapping.pop(FROZEN_KEY, None)
    unchanged, setters = deepcopy(mapping), {}
    for override in (*parse_overrides(overrides, flags or {}), *changes):
        setters[set_key(mapping, override.key, override.value)] = override.setter
    space, problems = _checked(mapping, imports=imports)
    if space is None:
        _, of_file = _checked(unchanged, imports=imports) if setters else (None, problems)
        raise fault_error(origin, problems, setters, of_file)
    return space


def _content(source: str | Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the content of a space and what errors call its origin. From now on its own code can be found."""
    if not isinstance(source, str):
        look_in(Path())
        return deepcopy(dict(source)), GIVEN
    path = find_space(source)
    _look_beside(path)
    return _read(path), str(path)


def _look_beside(path: Path) -> None:
    """Look for modules from outside in the current folder, and beside the file of a space."""
    look_in(Path())
    if path.is_file() and _PROJECT_SPACES not in path.resolve().parents:
        look_in(path.parent)


def space_from_mapping(mapping: Mapping[str, Any], source: str, *, imports: bool = True) -> Space:
    """Return the validated space, as `load_space` does; raise UsageError with each fault as `source: path: message`."""
    space, problems = _checked(mapping, imports=imports)
    if space is None:
        raise fault_error(source, problems)
    return space


def _checked(mapping: Mapping[str, Any], *, imports: bool) -> tuple[Space | None, list[tuple[str, str]]]:
    """Return the validated space; None if it has faults, which are (path, message)."""
    mapping = _with_trial_of_preset(mapping)
    try:
        space = Space.model_validate(mapping)
    except ValidationError as error:
        return None, _faults_of_fields(error, mapping, imports=imports)
    problems = cross_problems(space) if imports or not space.outside_modules else form_problems(space)
    return (None, problems) if problems else (_with_whole_grid(space), [])


def _faults_of_fields(error: ValidationError, mapping: Mapping[str, Any], *, imports: bool) -> list[tuple[str, str]]:
    # Only the first message for a path: pydantic reports one for each type that the value could have.
    first: dict[str, str] = {}
    for detail in error.errors():
        first.setdefault(_dotted(detail, mapping), _message(detail))
    problems = list(first.items())
    if imports and isinstance(trial := mapping.get("trial"), dict):
        own = {} if "imports" in first else {"imports": mapping.get("imports", [])}
        problems += trial_problems({**own, **{key: value for key, value in trial.items() if isinstance(key, str)}})
    return problems + (_sampler_problems(mapping) if imports or not mapping.get("imports") else [])


def _with_trial_of_preset(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    """Replace the preset of `trial` by its keys, so that a frozen space does not change when the preset does."""
    trial = mapping.get("trial")
    if not isinstance(trial, dict) or trial.get("preset") not in preset_names():
        return mapping
    searched = mapping.get("parameters")
    values = with_preset(trial)
    if isinstance(searched, dict):
        values = {key: value for key, value in values.items() if key in trial or key not in searched}
    return {**mapping, "trial": values}


def _with_whole_grid(space: Space) -> Space:
    """Set the number of trials of a grid to all its points, unless the file has a number."""
    if space.search.sampler != "grid" or "trials" in space.search.model_fields_set:
        return space
    search = space.search.model_copy(update={"trials": len(space.grid())})
    return space.model_copy(update={"search": search})


def find_space(name_or_path: str) -> Path:
    """Return the file of a space; raise UsageError with the nearest names if there is none."""
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"} or len(path.parts) > 1:
        if path.exists() and not path.is_dir():  # a pipe such as /dev/stdin is no file
            return path
        raise UsageError(f"There is no space file {path}. `tuner spaces` lists the known spaces.", path)
    spaces = known_spaces()
    if name_or_path in spaces:
        return spaces[name_or_path]
    hint = did_you_mean(name_or_path, spaces, cutoff=0.5) or f"the known ones are {', '.join(spaces)}."
    raise UsageError(f"There is no space named {name_or_path!r}: {hint} `tuner spaces` lists them all.", name_or_path)


def _read(path: Path) -> dict[str, Any]:
    try:
        mapping = read_yaml(path)
    except YamlTextError as error:
        raise UsageError(f"{path}: {error}", path) from error
    if not isinstance(mapping, dict):
        found = "is empty" if mapping is None else f"holds a {type(mapping).__name__}"
        rule = "must hold keys and values; `tuner spaces show digits_tradeoff` prints an example"
        raise UsageError(f"{path}: {found}, but {rule}.", path)
    return mapping


def _sampler_problems(mapping: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the fault of an unknown sampler in a file with other faults; imports may have registered more."""
    search = mapping.get("search")
    name = search.get("sampler") if isinstance(search, dict) else None
    fault = unknown_sampler(name) if isinstance(name, str) else None
    return [] if fault is None else [("search.sampler", fault)]


def _dotted(detail: Any, mapping: Mapping[str, Any]) -> str:
    """Return the path in the file, without pydantic's own steps (the chosen member of a union)."""
    node: Any = mapping
    steps = []
    for step in detail["loc"]:
        last = detail["type"] == "missing" and step == detail["loc"][-1]
        inside = isinstance(node, dict) and step in node
        indexed = isinstance(node, list) and isinstance(step, int) and step < len(node)
        if inside or indexed:
            node = node[step]
        if inside or indexed or last:
            steps.append(str(step))
    return ".".join(steps) or "(file)"


def _message(detail: Any) -> str:
    message = str(detail["msg"]).removeprefix("Value error, ")
    match detail["type"]:
        case "extra_forbidden":
            *parents, key = detail["loc"]
            part = next((_PARTS[step] for step in reversed(parents) if step in _PARTS), Space)
            return unknown_key(str(key), part.model_fields)
        case "missing":
            return "missing, but required"
        case "union_tag_not_found" | "union_tag_invalid":
            return "its `type` must be one of float, int, categorical"
        case "value_error":
            return message
        case "model_type" | "model_attributes_type" | "dict_type":
            kind = "is empty" if detail["input"] is None else f"is {detail['input']!r}"
            return f"{kind}, but must hold keys and values; `tuner spaces show digits_tradeoff` prints an example"
    return f"the value is {detail['input']!r}: {message[0].lower()}{message[1:]}"
