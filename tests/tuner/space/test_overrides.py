"""`--set KEY=VALUE`: single keys of a space, short keys, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
from raises_about import raises_about
from simulated_search import small_space, space_mapping

from training.yaml_text import YamlTextError, format_yaml
from tuner.errors import UsageError
from tuner.space import load_space


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(format_yaml(space_mapping()))
    return path


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("epsilon=0.1", {"trial": {"epsilon": 0.1}}),
        ("epsilon=8/255", {"trial": {"epsilon": "8/255"}}),
        ("trial.epochs=3", {"trial": {"epochs": 3}}),
        ("lr_drops=[0.5, 0.75]", {"trial": {"lr_drops": [0.5, 0.75]}}),
        ("search.sampler=random", {"search": {"sampler": "random"}}),
        ("early_stopping.grace_epochs=2", {"early_stopping": {"grace_epochs": 2}}),
        ("parameters.bottleneck.choices=[4, 5]", {"parameters": {"bottleneck": {"choices": [4, 5]}}}),
        (
            "parameters.beta={type: float, low: 0, high: 1}",
            {"parameters": {"beta": {"type": "float", "low": 0.0, "high": 1.0, "log": False}}},
        ),
        ("data_root=/with=sign", {"trial": {"data_root": "/with=sign"}}),
    ],
)
def test_an_override_changes_one_key(file: Path, override: str, expected: dict[str, Any]) -> None:
    changed = load_space(str(file), [override])
    assert changed != small_space()
    _assert_contains(changed.model_dump(mode="json"), expected)


def _assert_contains(whole: dict[str, Any], part: dict[str, Any]) -> None:
    for key, value in part.items():
        if isinstance(value, dict):
            _assert_contains(whole[key], value)
        else:
            assert whole[key] == value


@pytest.mark.parametrize("override", ["alpha: 1", "parameters.alpha={low: 0, low: 1}", "epsilon=[1"])
def test_an_override_is_read_as_a_file_is(file: Path, override: str) -> None:
    with raises_about(UsageError, ("--set", override)):
        load_space(str(file), [override])
    assert load_space(str(file), ["search.seed=064"]).search.seed == 64


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("search.trials=3", "search.trials=5"),
        ("epochs=3", "trial.epochs=4"),
        ("parameters.alpha.low=0.1", "parameters.alpha={type: float, low: 0, high: 1}"),
    ],
)
def test_a_key_that_is_set_twice_is_refused_with_both(file: Path, first: str, second: str) -> None:
    with raises_about(UsageError, ("--set", second)) as caught:
        load_space(str(file), [first, second])
    assert all(repr(override) in str(caught.value) for override in (first, second))


def test_a_key_that_a_flag_sets_too_is_refused(file: Path) -> None:
    with raises_about(UsageError, ("--set", "epochs=3")) as caught:
        load_space(str(file), ["epochs=3"], {"trial.epochs": 5})
    assert "--epochs" in str(caught.value)


def test_a_fault_of_a_flag_names_the_flag(file: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_space(str(file), (), {"resources.gpus_per_trial": 1.5})
    assert str(caught.value).startswith("--gpus-per-trial: ")


@pytest.mark.parametrize("override", ["parameters.alpha.high=0.4", "search.sampler=grid"])
def test_a_fault_elsewhere_that_an_override_causes_names_both(file: Path, override: str) -> None:
    file.write_text(
        format_yaml(space_mapping(search={"start_points": [{"alpha": 0.5, "lambda": 1, "bottleneck": 16}]}))
    )
    with pytest.raises(UsageError) as caught:
        load_space(str(file), [override])
    assert all(
        line.startswith((f"{file} with --set {override!r}: ", f"--set {override!r}: "))
        for line in str(caught.value).splitlines()
    )


def test_a_fault_that_the_file_has_without_the_overrides_is_told_of_the_file(file: Path) -> None:
    file.write_text(format_yaml(space_mapping(trial={"epsilon": -1})))
    with pytest.raises(UsageError) as caught:
        load_space(str(file), ["search.trials=0", "trial.epochs=3"])
    of_file, of_override = sorted(str(caught.value).splitlines(), key=lambda line: line.startswith("--set"))
    assert of_file.startswith(f"{file}: trial.epsilon: ")
    assert of_override.startswith("--set 'search.trials=0': ")


def test_a_parameter_and_then_one_of_its_keys_are_set(file: Path) -> None:
    overrides = ["parameters.alpha={type: float, low: 0, high: 1}", "parameters.alpha.low=0.1"]
    assert load_space(str(file), overrides).parameters["alpha"].extremes() == {"low": 0.1, "high": 1}


@pytest.mark.parametrize("override", ["epsilon", "=3", ""])
def test_an_override_without_key_or_value_shows_the_form(file: Path, override: str) -> None:
    with raises_about(UsageError, ("--set", override)) as caught:
        load_space(str(file), [override])
    assert "KEY=VALUE" in str(caught.value)


def test_an_override_that_is_no_yaml_is_named(file: Path) -> None:
    with raises_about(UsageError, ("--set", "epsilon=[1")) as caught:
        load_space(str(file), ["epsilon=[1"])
    assert isinstance(caught.value.__cause__, YamlTextError)


def test_an_override_below_a_value_is_refused(file: Path) -> None:
    with raises_about(UsageError, "search.trials.most"):
        load_space(str(file), ["search.trials.most=3"])


def test_an_override_of_an_unknown_key_is_a_fault_like_any_other(file: Path) -> None:
    with raises_about(UsageError, ("serach", "trial.epsilom")):
        load_space(str(file), ["epsilom=1", "serach.trials=3"])


@pytest.mark.parametrize("override", ["search.trials=0", "serach.trials=3", "epsilon=-1", "parameters.beta.low=1"])
def test_a_fault_of_an_override_is_not_told_of_the_file(file: Path, override: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_space(str(file), [override])
    assert all(line.startswith(f"--set {override!r}: ") for line in str(caught.value).splitlines())


@pytest.mark.parametrize(
    ("override", "meant"),
    [
        ("cpus_per_trial=1", "resources.cpus_per_trial"),
        ("trials=8", "search.trials"),
        ("grace_epochs=2", "early_stopping.grace_epochs"),
    ],
)
def test_an_override_of_a_key_of_another_section_names_the_section(file: Path, override: str, meant: str) -> None:
    with raises_about(UsageError, ("--set", override)) as caught:
        load_space(str(file), [override])
    assert f"{meant}?" in str(caught.value)


def test_the_command_of_an_event_is_taken_as_it_is() -> None:
    line = 'echo "$TUNER_EVENT: $TUNER_TEXT" >> log # done'
    assert load_space(space_mapping(), [f"on_event={line}"]).on_event == line
    assert load_space(space_mapping() | {"on_event": "true"}, ["on_event="]).on_event is None
