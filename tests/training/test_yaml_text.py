import contextlib
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from training.yaml_text import YamlTextError, format_yaml, parse_yaml, read_yaml

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)


# https://yaml.org/spec/1.2.2, section 10.3.2, beside what YAML 1.1 makes of the same text.
@pytest.mark.parametrize(
    ("text", "value", "in_yaml_1_1"),
    [
        ("064", 64, 52),
        ("1:30", "1:30", 90),
        ("1e-3", 0.001, "1e-3"),
        ("off", "off", False),
        ("yes", "yes", True),
        ("true", True, True),
        ("8/255", "8/255", "8/255"),
        ("~", None, None),
        (".inf", float("inf"), float("inf")),
    ],
)
def test_values_are_those_of_yaml_1_2(text: str, value: Any, in_yaml_1_1: Any) -> None:
    assert parse_yaml(text) == value
    assert type(parse_yaml(text)) is type(value)
    assert yaml.safe_load(text) == in_yaml_1_1


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("alpha: 1\nbeta: 2\nalpha: 3", (1, 3)),
        ("search:\n  trials: 1\n  trials: 2", (2, 3)),
        ("search:\n  trials: 1\nx: 1\nsearch:\n  seed: 2", (1, 4)),
        ("{a: 1, 'a': 2}", (1, 1)),
        ("- base: &base {b: 1}\n- <<: *base\n  c: 1\n  c: 2", (3, 4)),
    ],
)
def test_a_key_that_is_there_twice_is_refused_with_both_lines(text: str, lines: tuple[int, int]) -> None:
    with pytest.raises(YamlTextError) as caught:
        parse_yaml(text)
    assert re.findall(r"line (\d+)", str(caught.value)) == [str(line) for line in lines]


@pytest.mark.parametrize(
    "text",
    [
        "a: [1",
        "\ta: 1",
        "a: \x00",
        "[" * 5000,
        "a: 2026-13-45",
        "a: *b",
        "--- 1\n--- 2",
        "a: !!python/object/apply:os.getcwd []",
        "? {a: 1}\n: 2",
        "a: &a {b: *a}",
        "&a [*a]",
        'a: "\\ud800"',
        "a: 0x" + "f" * 5000,
        # aliases of aliases: 9^8 values in 250 bytes (https://github.com/yaml/pyyaml/issues/235)
        "[&a [x, x, x, x, x, x, x, x, x]"
        + "".join(f", &{name} [{', '.join([f'*{inner}'] * 9)}]" for inner, name in pairwise("abcdefgh"))
        + "]",
    ],
)
def test_a_text_that_is_no_value_is_refused(text: str) -> None:
    with pytest.raises(YamlTextError) as refused:
        parse_yaml(text)
    assert "\n" not in str(refused.value)


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_is_a_value_or_is_refused(text: str) -> None:
    with contextlib.suppress(YamlTextError):
        parse_yaml(text)


@given(VALUES)
@example({"\x85": "a\u2028b\u2029"})
def test_what_is_written_is_read_again(value: Any) -> None:
    assert parse_yaml(format_yaml(value)) == value


def test_an_alias_stands_for_its_value() -> None:
    assert parse_yaml("a: &a [1, 2]\nb: [*a, *a]\nc: {<<: &c {d: 1}, e: 2}\nf: *c") == {
        "a": [1, 2],
        "b": [[1, 2], [1, 2]],
        "c": {"d": 1, "e": 2},
        "f": {"d": 1},
    }


def test_keys_stay_in_their_order() -> None:
    assert format_yaml({"b": 1, "a": {"d": 1, "c": 2}}) == "b: 1\na:\n  d: 1\n  c: 2\n"


def test_a_file_that_is_not_utf_8_or_not_there_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "latin.yaml"
    file.write_bytes("description: café".encode("latin-1"))
    with pytest.raises(YamlTextError) as caught:
        read_yaml(file)
    assert "byte 16" in str(caught.value)
    with pytest.raises(YamlTextError) as caught:
        read_yaml(tmp_path / "absent.yaml")
    assert isinstance(caught.value.__cause__, FileNotFoundError)
