"""Finding spaces by name or path, and reading their files."""

import os
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raises_about import raises_about
from simulated_search import small_space, space_mapping

from training.yaml_text import YamlTextError, format_yaml
from tuner.errors import UsageError
from tuner.runs.folder import SearchFolder
from tuner.space import Space, known_spaces, load_space
from tuner.space.conditions import holds
from tuner.space.continued import differing_keys
from tuner.space.space_file import find_space

SHIPPED = Path(__file__).parents[3] / "search_spaces"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(format_yaml(space_mapping()))
    return path


def test_the_shipped_spaces_are_known_by_name() -> None:
    assert {path.stem for path in SHIPPED.glob("*.yaml")} <= set(known_spaces())
    assert "digits_tradeoff" in known_spaces()


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("**/*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_space_loads(path: Path) -> None:
    space = load_space(path.stem)
    assert space.name == path.stem
    assert space.description
    if space.search.sampler == "grid":
        assert space.early_stopping.scheduler == "none"
        assert space.search.seeds == 3
        return
    start = space.search.start_points[0]
    wanted = {name for name in space.parameters if holds(name, start, space.conditions)}
    assert set(start) == wanted, "a whole point comes first"
    assert space.early_stopping.grace_epochs < space.epochs


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    with raises_about(UsageError, "digit_tradeof") as caught:
        find_space("digit_tradeof")
    assert "digits_tradeoff" in str(caught.value)


def test_a_name_like_no_other_is_answered_with_all() -> None:
    with raises_about(UsageError, "zzz") as caught:
        find_space("zzz")
    assert all(name in str(caught.value) for name in known_spaces())


@pytest.mark.parametrize("name", ["nowhere.yaml", "nowhere.yml", "folder/nowhere"])
def test_a_path_to_nothing_is_said_to_be_one(name: str) -> None:
    with raises_about(UsageError, Path(name)):
        find_space(name)


def test_spaces_of_the_current_folder_come_before_the_projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "search_spaces" / "mine" / "digits_tradeoff.yaml"
    own.parent.mkdir(parents=True)
    own.write_text(format_yaml(space_mapping()))
    monkeypatch.chdir(tmp_path)
    assert load_space("digits_tradeoff").name == "small"
    assert load_space("mnist_tradeoff").name == "mnist_tradeoff"


@pytest.mark.parametrize(
    ("text", "cause", "fact"),
    [
        ("name: [1", YamlTextError, "line 1, column 9"),
        ("- a\n- b\n", type(None), "list"),
        ("", type(None), "empty"),
        ("name: \xff", YamlTextError, "byte 6"),
    ],
)
def test_what_is_no_mapping_is_refused_with_the_place(tmp_path: Path, text: str, cause: type, fact: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(text.encode("latin-1"))
    with raises_about(UsageError, path) as caught:
        load_space(str(path))
    assert isinstance(caught.value.__cause__, cause)
    assert fact in str(caught.value)


def test_a_space_may_come_through_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = Thread(target=pipe.write_text, args=(format_yaml(space_mapping()),))
    writer.start()
    assert load_space(str(pipe)).name == "small"
    writer.join()


def test_a_folder_is_no_space_file(tmp_path: Path) -> None:
    with raises_about(UsageError, tmp_path):
        load_space(str(tmp_path))


def test_faults_name_the_file(file: Path) -> None:
    file.write_text(format_yaml(space_mapping(search={"trials": 0})))
    with raises_about(UsageError, ("search.trials",)) as caught:
        load_space(str(file))
    assert str(caught.value).startswith(f"{file}: ")


def test_a_fraction_reaches_the_trainer_as_its_value(file: Path) -> None:
    space = load_space(str(file), ["epsilon=8/255", "eval_attack_step_size=1e-3"])
    config = space.trial_config({})
    assert (config.epsilon, config.eval_attack_step_size) == (8 / 255, 1e-3)


def test_a_range_may_have_fractions(file: Path) -> None:
    space = load_space(str(file), ["parameters.alpha.low=1/255", "parameters.alpha.high=1/2"])
    assert space.parameters["alpha"].extremes() == {"low": 1 / 255, "high": 0.5}


def test_points_and_objectives_may_have_fractions(file: Path) -> None:
    overrides = ["search.start_points=[{alpha: 6/255}]", "objectives.pgd_accuracy.at_least=1/4"]
    space = load_space(str(file), [*overrides, "objectives.pgd_accuracy.reference=1/8"])
    assert space.search.start_points == [{"alpha": 6 / 255}]
    assert (space.objectives["pgd_accuracy"].at_least, space.reference["pgd_accuracy"]) == (0.25, 0.125)
    assert Space.model_validate(space.model_dump(mode="json")) == space


def test_a_name_that_looks_like_a_fraction_stays_a_name(file: Path) -> None:
    choices = "parameters.attack_step_size={type: categorical, choices: [1/255, 2/255]}"
    space = load_space(str(file), [choices, "search.start_points=[{attack_step_size: 2/255}]"])
    assert space.search.start_points == [{"attack_step_size": "2/255"}]


def test_a_frozen_copy_is_a_space_file(tmp_path: Path) -> None:
    space = load_space("digits_tradeoff", ["epsilon=8/255"])
    folder = SearchFolder(tmp_path)
    folder.freeze(space, {"search_id": "x", "created": "2026-01-02T03:04:05+00:00", "versions": {"torch": "2"}})
    assert load_space(str(folder.space_file)) == folder.space() == space
    assert folder.frozen() == {"search_id": "x", "created": "2026-01-02T03:04:05+00:00", "versions": {"torch": "2"}}


FREE = [
    "search.trials=99",
    "search.max_failures=7",
    "resources.gpus_per_trial=1",
    "resources.cpus_per_trial=4",
    "data_root=/elsewhere",
]


@given(st.sets(st.sampled_from(FREE)))
@settings(max_examples=20)
def test_what_may_change_on_resume_is_no_difference(overrides: set[str]) -> None:
    file = SHIPPED / "digits_tradeoff.yaml"
    assert differing_keys(load_space(str(file)), load_space(str(file), sorted(overrides))) == {}


@pytest.mark.parametrize(
    ("override", "key", "values"),
    [
        ("epochs=3", "trial.epochs", (9, 3)),
        ("sigma_bias=1", "trial.sigma_bias", (0.0, 1)),
        ("search.seed=5", "search.seed", (3, 5)),
        ("parameters.alpha.high=0.5", "parameters.alpha.high", (1.0, 0.5)),
        ("parameters.bottleneck.choices=[16, 32]", "parameters.bottleneck.choices", ([8, 16, 32], [16, 32])),
        ("objectives.pgd_accuracy.reference=0.1", "objectives.pgd_accuracy.reference", (0.0, 0.1)),
        ("early_stopping.reduction_factor=4", "early_stopping.reduction_factor", (3, 4)),
        ("search.start_points=[{alpha: 0.5}]", "search.start_points", ([], [{"alpha": 0.5}])),
    ],
)
def test_what_changes_the_meaning_of_a_result_is_a_difference(
    file: Path, override: str, key: str, values: tuple[Any, Any]
) -> None:
    assert differing_keys(small_space(), load_space(str(file), [override])) == {key: values}


def test_two_ways_to_write_one_value_are_no_difference() -> None:
    mapping = space_mapping()
    mapping["parameters"]["alpha"] |= {"low": 0, "high": 1}
    assert differing_keys(small_space(), Space.model_validate(mapping)) == {}


def test_a_tag_in_a_space_file_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("name: !!python/object/apply:os.system ['touch executed']\n")
    with raises_about(UsageError, tmp_path / "mine.yaml") as caught:
        load_space(str(tmp_path / "mine.yaml"))
    assert isinstance(caught.value.__cause__, YamlTextError)
    assert not (tmp_path / "executed").exists()
