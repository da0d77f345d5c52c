import contextlib
import re
from datetime import date
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
        ("1_000", "1_000", 1000),
        ("1__0", "1__0", 10),
        ("1_", "1_", 1),
        ("1.5_0", "1.5_0", 1.5),
        ("0b11", "0b11", 3),
        ("0o14", 12, "0o14"),
        ("0x1F", 31, 31),
        ("-0x1F", "-0x1F", -31),
        ("+12", 12, 12),
        ("1.", 1.0, 1.0),
        (".5e1", 5.0, ".5e1"),
        ("2026-11-29", "2026-11-29", date(2026, 11, 29)),
        ("'12'", "12", "12"),
        ("", None, None),
        ("Null", None, None),
    ],
)
def test_values_are_those_of_yaml_1_2(text: str, value: Any, in_yaml_1_1: Any) -> None:
    assert parse_yaml(text) == value
    assert type(parse_yaml(text)) is type(value)
    assert yaml.safe_load(text) == in_yaml_1_1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("!!bool x", 1),
        ('a: !!int ""', 1),
        ("a: 1\nb: !!float ''", 2),
        ("a: 1\nb:\n- !!set {a, b}", 3),
        ("a: !mine 1", 1),
        ("a: ! 1", 1),
        ("a: &b !!str 1", 1),
        ("a: !!python/object/apply:os.getcwd []", 1),
        ("%YAML 1.1\n---\na: 064\n", 1),
        ("# first\n%TAG ! tag:example.com,2000:\n---\na: 1", 2),
        ("a: 1\n...\n%YAML 1.1\n---\nb: 1", 3),
    ],
)
def test_a_tag_or_a_directive_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(YamlTextError) as caught:
        parse_yaml(text)
    assert str(caught.value).startswith(f"line {line} "), caught.value


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
        "a: *b",
        "--- 1\n--- 2",
        "? {a: 1}\n: 2",
        "a: &a {b: *a}",
        "&a [*a]",
        'a: "\\ud800"',
        '"\\ud800": 1',
        'a: "\\UFFFFFFFF"',
        "a: 0x" + "f" * 5000,
        "9" * 5000 + ": 1",
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
    assert str(refused.value).count("not valid YAML") <= 1


# Mostly what means something in YAML.
SIGNS = st.text(st.sampled_from("!&*%@`|>?:-,[]{}#'\"\\<=~_.+0123456789abeftnrulxo \n"))
NUMBERS = st.from_regex(r"[-+]?[0-9a-fxob_.:eE+-]{1,12}", fullmatch=True)


@given(NUMBERS)
def test_a_number_is_what_python_reads_without_underscores_or_a_base_of_two(text: str) -> None:
    is_decimal = re.fullmatch(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?", text, re.ASCII)
    is_whole = re.fullmatch(r"[-+]?\d+|0o[0-7]+|0x[\da-fA-F]+", text, re.ASCII)
    with contextlib.suppress(YamlTextError):
        value = parse_yaml(f"a: {text}")["a"]
        if is_whole:
            assert value == int(text, 0 if text[1:2] in {"o", "x"} else 10)
        elif is_decimal:
            assert value == float(text)
        else:
            assert not isinstance(value, int | float)


@given(st.one_of(st.text(st.characters(codec="utf-8")), SIGNS, st.builds("!!{} {}".format, SIGNS, SIGNS)))
@example("!!bool x")
@example('!!int ""')
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
