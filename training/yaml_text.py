"""YAML as every file, preset and option of this project is read and written: version 1.2, without duplicate keys.

In YAML 1.1, which PyYAML reads, `064` is 52, `1:30` is 90, `1_000` is 1000, `1e-3` is a text, `off` is false, and of
two equal keys the first is dropped. In the core schema of YAML 1.2 they are 64, a text, a text, 0.001 and a text.
"""

import re
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode
from ruamel.yaml.representer import SafeRepresenter
from ruamel.yaml.resolver import VersionedResolver
from ruamel.yaml.scanner import Scanner
from ruamel.yaml.tag import Tag

# What a scalar without quotes is: https://yaml.org/spec/1.2.2, section 10.3.2. `<<` is of YAML 1.1, which has merging.
_CORE_SCHEMA = re.compile(
    r"(?P<null>~|null|Null|NULL|)"
    r"|(?P<bool>true|True|TRUE|false|False|FALSE)"
    r"|(?P<int>[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"
    r"|(?P<merge><<)"
)
# A text of 300 bytes can stand for 10^9 values by aliases of aliases, and a message that shows them fills the memory.
_MOST_VALUES = 1_000_000
# Python refuses to print an integer of more than 4,300 digits.
_MOST_DIGITS = 1000


class YamlTextError(ValueError):
    """A text that is not valid YAML, has a key twice or a tag, or a file that cannot be read; it says where."""


def parse_yaml(text: str) -> Any:
    """Return the value of a YAML text; None if it is empty. Raise YamlTextError if it is not valid."""
    try:
        yaml = _yaml()
        root = yaml.compose(text)
        if root is None:
            return None
        _count_values(root, {}, ())
        return yaml.constructor.construct_document(root)
    except YamlTextError:
        raise
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        raise YamlTextError(f"not valid YAML{where}: {error.problem or error.context}") from error
    except (YAMLError, ValueError, OverflowError) as error:  # the last two: an escape such as "\U00110000"
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


class _Resolver(VersionedResolver):
    """Reads scalars by the core schema; ruamel's own patterns accept underscores, dates and binary numbers."""

    def resolve(self, kind: type[Node], value: Any, implicit: Any) -> Any:
        if kind is not ScalarNode or not implicit[0]:
            return super().resolve(kind, value, implicit)
        found = _CORE_SCHEMA.fullmatch(value)
        return Tag(suffix=f"tag:yaml.org,2002:{found.lastgroup if found else 'str'}")


class _Scanner(Scanner):
    """Refuses tags and directives: a value is what the core schema says."""

    def fetch_tag(self) -> None:
        raise YamlTextError(
            f"line {self.reader.line + 1} has a tag, a word that begins with `!`: leave it out, or write quotes"
        )

    def fetch_directive(self) -> None:
        raise YamlTextError(f"line {self.reader.line + 1} is a directive, which begins with `%`: leave it out")


class _Representer(SafeRepresenter):
    """Writes a text with a line break of Unicode in double quotes: in other styles it would be read as a blank."""

    def represent_text(self, text: str) -> ScalarNode:
        style = '"' if any(character in text for character in "\x85\u2028\u2029") else None
        node: ScalarNode = self.represent_scalar("tag:yaml.org,2002:str", text, style=style)
        return node


_Representer.add_representer(str, _Representer.represent_text)


def _yaml() -> YAML:
    yaml = YAML(typ="safe", pure=True)
    yaml.Resolver, yaml.Scanner, yaml.Representer = _Resolver, _Scanner, _Representer
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # its class declares None
    yaml.width = 120
    return yaml


def _count_values(node: Node, counts: dict[int, int], parents: tuple[int, ...]) -> int:
    """Return how many values `node` stands for, with each alias counted as what it stands for; check them and the keys.

    Raise YamlTextError if a mapping has a key twice, if a value contains itself by an alias, if there are too many
    values, or if a text has half of a surrogate pair, which no file can hold.
    """
    line = node.start_mark.line + 1
    if id(node) in parents:
        raise YamlTextError(f"the value in line {line} contains itself by an alias")
    if isinstance(node, ScalarNode):
        _check_scalar(node, line)
        return 1
    if id(node) not in counts:
        inside = (*parents, id(node))
        values = node.value
        if isinstance(node, MappingNode):
            _check_keys([key for key, _ in node.value])
            values = [value for _, value in node.value]
        counts[id(node)] = 1 + sum(_count_values(value, counts, inside) for value in values)
        if counts[id(node)] > _MOST_VALUES:
            rule = f"may stand for at most {_MOST_VALUES:,}: use fewer aliases"
            raise YamlTextError(f"the value in line {line} stands for {counts[id(node)]:,} values, but {rule}")
    return counts[id(node)]


def _check_scalar(node: ScalarNode, line: int) -> None:
    if str(node.tag).endswith(":int") and len(node.value) > _MOST_DIGITS:
        raise YamlTextError(f"the number in line {line} has {len(node.value)} digits, but may have {_MOST_DIGITS}")
    try:
        node.value.encode()
    except UnicodeEncodeError as error:
        raise YamlTextError(f"the text in line {line} has half of a surrogate pair, which is no character") from error


def _check_keys(keys: list[Node]) -> None:
    lines: dict[str, int] = {}
    for key in keys:
        if not isinstance(key, ScalarNode):
            continue
        line = key.start_mark.line + 1
        _check_scalar(key, line)
        if key.value in lines:
            first = lines[key.value]
            raise YamlTextError(f"the key {key.value!r} is in line {first} and again in line {line}: keep one")
        lines[key.value] = line
