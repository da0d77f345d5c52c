"""Ten thousand wrong space files and overrides. The answer is a space, or an error that explains itself."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_search import space_mapping
from wrong_values import VALUES, WORDS, answer, changed, many, places

from training.config import trial_keys
from tuner.space import load_space

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

MAPPING = space_mapping()
PLACES = places(MAPPING)


@many
@given(data=st.data())
def test_a_space_file_with_a_wrong_value(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path, value = data.draw(st.sampled_from(PLACES)), data.draw(VALUES)
    file = tmp_path_factory.getbasetemp() / "wrong.yaml"
    text = json.dumps(changed(MAPPING, path, value), ensure_ascii=False)
    try:
        file.write_text(text, encoding="utf-8")
    except UnicodeEncodeError:  # no file can hold half of a surrogate pair
        return
    answer(lambda: load_space(str(file)))


@many
@given(data=st.data())
def test_a_space_file_with_wrong_bytes(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole = json.dumps(MAPPING, indent=1).encode()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 30)))
    file = tmp_path_factory.getbasetemp() / "bytes.yaml"
    file.write_bytes(whole[:start] + data.draw(st.binary(max_size=10)) + whole[end:])
    answer(lambda: load_space(str(file)))


KEYS = st.one_of(
    st.sampled_from(sorted(trial_keys())),
    st.sampled_from([".".join(map(str, place)) for place in PLACES if place]),
    WORDS,
)


@many
@given(key=KEYS, value=st.one_of(WORDS, VALUES.map(lambda value: json.dumps(value, ensure_ascii=False))))
def test_a_wrong_override(tmp_path_factory: pytest.TempPathFactory, key: str, value: str) -> None:
    file = tmp_path_factory.getbasetemp() / "right.yaml"
    if not file.exists():
        file.write_text(json.dumps(MAPPING))
    answer(lambda: load_space(str(file), [f"{key}={value}"]))
