"""YAML as every file, preset and option of this project is read and written: version 1.2, without duplicate keys.

In YAML 1.1, which PyYAML reads, `064` is 52, `1:30` is 90, `1e-3` is a text, `off` is false, and of two equal keys the
first is dropped. In YAML 1.2 (https://yaml.org/spec/1.2.2, section 10.3) they are 64, two texts, 0.001 and a text.
"""

from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode


class YamlTextError(ValueError):
    """A text that is not valid YAML, has a key twice, or is a file that cannot be read; the message says where."""


def parse_yaml(text: str) -> Any:
    """Return the value of a YAML text; None if it is empty. Raise YamlTextError if it is not valid."""
    try:
        root = _yaml().compose(text)
        if root is not None:
            _check_nodes(root, set(), ())
        return _yaml().load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        raise YamlTextError(f"not valid YAML{where}: {error.problem or error.context}") from error
    except (YAMLError, ValueError) as error:  # ValueError: a timestamp such as 2026-13-01
        raise YamlTextError(f"not valid YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise YamlTextError("not valid YAML: nested too deeply") from error


def read_yaml(path: Path) -> Any:
    """Return the value of a UTF-8 file in YAML. Raise YamlTextError if it cannot be read or is not valid."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise YamlTextError(f"byte {error.start} is not UTF-8: save the file as UTF-8") from error
    except OSError as error:
        raise YamlTextError(f"cannot be read: {error.strerror or error}") from error
    return parse_yaml(text)


def format_yaml(value: Any) -> str:
    """Return a value as YAML, keys in their order; `parse_yaml` returns an equal value."""
    stream = StringIO()
    _yaml().dump(value, stream)
    return stream.getvalue()


def _yaml() -> YAML:
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # its class declares None
    yaml.width = 120
    return yaml


def _check_nodes(node: Node, seen: set[int], parents: tuple[int, ...]) -> None:
    """Raise YamlTextError if a mapping below `node` has a key twice, or if a value contains itself by an alias."""
    line = node.start_mark.line + 1
    if id(node) in parents:
        raise YamlTextError(f"the value in line {line} contains itself by an alias")
    if id(node) in seen or isinstance(node, ScalarNode):
        return
    seen.add(id(node))
    inside = (*parents, id(node))
    if isinstance(node, MappingNode):
        _check_keys([key for key, _ in node.value])
        for _, value in node.value:
            _check_nodes(value, seen, inside)
    else:
        for item in node.value:
            _check_nodes(item, seen, inside)


def _check_keys(keys: list[Node]) -> None:
    lines: dict[str, int] = {}
    for key in keys:
        line = key.start_mark.line + 1
        if isinstance(key, ScalarNode) and key.value in lines:
            raise YamlTextError(
                f"the key {key.value!r} is in line {lines[key.value]} and again in line {line}: keep one"
            )
        if isinstance(key, ScalarNode):
            lines[key.value] = line
