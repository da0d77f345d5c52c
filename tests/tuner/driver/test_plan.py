"""What a driver is going to run: requests against spaces, searches and ledgers on disk."""

from pathlib import Path
from typing import Any

import pytest
from raises_about import raises_about
from simulated_search import SEARCH, MakeLedger, drive, frozen_facts, small_space, space_mapping

from training.config import parse_trial
from training.yaml_text import format_yaml
from tuner.driver.plan import Request, plan_new, plan_resume, plan_search
from tuner.errors import UsageError
from tuner.ledger import default_ledger_url
from tuner.redact import without_password
from tuner.runs.folder import SearchFolder
from tuner.search import Search

SPACE = small_space(search={"trials": 3})
OPTIONS = {"tracking_uri": ("--tracking-uri", "MLFLOW_TRACKING_URI"), "ledger": ("--ledger", "TUNER_LEDGER")}


@pytest.fixture
def finished(make_ledger: MakeLedger) -> str:
    """A search of three trials, all ended."""
    search = Search(SPACE, make_ledger(SPACE))
    for number in range(3):
        search.next_assignment()
        search.fail(number, "out of memory")
    return SEARCH


def test_a_new_plan_has_defaults_and_writes_nothing(small_file: str, runs_dir: Path) -> None:
    plan = plan_new(Request(space=small_file, runs_dir=runs_dir))
    assert not plan.is_resume
    assert plan.folder.path == runs_dir / "small-1"
    assert plan.space == small_space()
    assert plan.tracking_uri == f"sqlite:///{runs_dir}/mlflow.db"
    assert plan.ledger_url == f"sqlite:///{runs_dir}/small-1/ledger.db"
    assert not runs_dir.exists()


def test_flags_reach_the_space(small_file: str, tmp_path: Path) -> None:
    request = Request(
        space=small_file,
        overrides=["epsilon=8/255"],
        trials=7,
        epochs=4,
        seed=9,
        gpus_per_trial=0.5,
        cpus_per_trial=2,
        name="mine",
        data_root=tmp_path / "images",
        tracking_uri="http://host:5000",
        ledger="postgresql://host/db",
    )
    plan = plan_new(request)
    space = plan.space
    assert (space.search.trials, space.epochs, space.search.seed) == (7, 4, 9)
    assert (space.resources.gpus_per_trial, space.resources.cpus_per_trial) == (0.5, 2.0)
    assert (space.trial["epsilon"], space.trial["data_root"]) == ("8/255", str(tmp_path / "images"))
    assert (plan.folder.name, plan.tracking_uri) == ("mine", "http://host:5000")
    assert plan.ledger_url == "postgresql://host/db"


def test_a_zero_is_a_request_too(small_file: str) -> None:
    assert plan_new(Request(space=small_file, seed=0)).space.search.seed == 0
    assert plan_new(Request(space=small_file, gpus_per_trial=0)).space.resources.gpus_per_trial == 0


def test_a_relative_data_root_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray changes the folder of its workers."""
    mapping = space_mapping()
    path = tmp_path / "small.yaml"
    monkeypatch.chdir(tmp_path)
    for root, expected in [(None, "data"), ("pictures", "pictures"), ("/pictures", "/pictures")]:
        mapping["trial"].pop("data_root", None)
        if root is not None:
            mapping["trial"]["data_root"] = root
        path.write_text(format_yaml(mapping))
        assert plan_new(Request(space=str(path))).space.trial["data_root"] == str(tmp_path / expected)


def test_a_data_root_is_absolute_whichever_way_it_comes(
    small_file: str, finished: str, runs_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for given, expected in [("pictures", "here/pictures"), ("../pictures", "pictures"), ("~/data", "home/data")]:
        for way in ({"data_root": Path(given)}, {"overrides": [f"data_root={given}"]}):
            new = plan_new(Request(space=small_file, **way))
            resumed = plan_resume(Request(runs_dir=runs_dir, **way), finished)
            assert {p.space.trial["data_root"] for p in (new, resumed)} == {str(tmp_path / expected)}


def test_the_home_of_nobody_is_no_data_root(small_file: str) -> None:
    with raises_about(UsageError, "data_root"):
        plan_new(Request(space=small_file, data_root=Path("~nobody-here/data")))


def test_without_a_space_there_is_nothing_to_plan() -> None:
    with raises_about(UsageError, "--space"):
        plan_new(Request())


def test_a_request_says_itself_whether_it_starts_or_continues(finished: str, small_file: str, runs_dir: Path) -> None:
    def is_resume(**options: Any) -> bool:
        return plan_search(Request(runs_dir=runs_dir, **options)).is_resume

    assert not is_resume(space=small_file)
    assert is_resume(resume=finished)
    assert is_resume(resume_or_start=True, name=finished)
    assert not is_resume(resume_or_start=True, name="new", space=small_file)


@pytest.mark.parametrize(
    ("options", "subject"),
    [
        ({"resume_or_start": True}, "--resume-or-start"),
        ({"resume_or_start": True, "name": "a", "resume": "a"}, "--resume-or-start"),
        ({"resume": "a", "name": "b"}, ("--name", "--resume")),
    ],
)
def test_options_that_exclude_each_other_are_refused(options: dict[str, Any], subject: object) -> None:
    with raises_about(UsageError, subject):
        plan_search(Request(**options))


def test_resuming_takes_what_is_on_record(finished: str, runs_dir: Path) -> None:
    plan = plan_resume(Request(runs_dir=runs_dir), finished)
    assert plan.is_resume
    assert plan.space == SPACE
    assert plan.ledger_url == default_ledger_url(runs_dir / finished)


def test_resuming_may_extend_and_move_to_other_hardware(finished: str, runs_dir: Path, tmp_path: Path) -> None:
    request = Request(runs_dir=runs_dir, trials=9, gpus_per_trial=1, cpus_per_trial=4, data_root=tmp_path)
    space = plan_resume(request, finished).space
    assert space.search.trials == 9
    assert (space.resources.gpus_per_trial, space.resources.cpus_per_trial) == (1.0, 4.0)
    assert space.trial["data_root"] == str(tmp_path)


@pytest.mark.parametrize(
    ("changes", "key", "values"),
    [
        ({"epochs": 4}, "trial.epochs", ("9", "4")),
        ({"seed": 4}, "search.seed", ("3", "4")),
        ({"overrides": ["epsilon=0.5"]}, "trial.epsilon", ("0.031", "0.5")),
    ],
)
def test_resuming_with_a_changed_space_is_refused_with_what_changed(
    finished: str, runs_dir: Path, changes: dict[str, Any], key: str, values: tuple[str, str]
) -> None:
    with raises_about(UsageError, (key,)) as caught:
        plan_resume(Request(runs_dir=runs_dir, **changes), finished)
    assert all(fact in str(caught.value) for fact in (finished, *values))


def test_a_search_cannot_be_resumed_with_fewer_trials_than_it_has(finished: str, runs_dir: Path) -> None:
    with SearchFolder(runs_dir / finished).ledger() as ledger:
        count = len(ledger.load())
    with raises_about(UsageError, "search.trials") as caught:
        plan_resume(Request(runs_dir=runs_dir, trials=count - 1), finished)
    assert str(count) in str(caught.value)
    assert plan_resume(Request(runs_dir=runs_dir, trials=count), finished).space.search.trials == count


def test_resuming_compares_with_the_space_that_is_named(
    finished: str, runs_dir: Path, small_file: str, tmp_path: Path
) -> None:
    assert plan_resume(Request(runs_dir=runs_dir, space=small_file, trials=3), finished).space == SPACE
    other = tmp_path / "other.yaml"
    mapping = space_mapping()
    mapping["parameters"]["alpha"]["high"] = 0.5
    other.write_text(format_yaml(mapping))
    with raises_about(UsageError, ("parameters.alpha.high",)):
        plan_resume(Request(runs_dir=runs_dir, space=str(other)), finished)


def test_the_order_of_a_space_stays_as_recorded(finished: str, runs_dir: Path, tmp_path: Path) -> None:
    mapping = space_mapping(search={"trials": 3})
    for section in ("parameters", "objectives"):
        mapping[section] = dict(reversed(mapping[section].items()))
    other = tmp_path / "other.yaml"
    other.write_text(format_yaml(mapping))
    space = plan_resume(Request(runs_dir=runs_dir, space=str(other)), finished).space
    assert list(space.parameters) == list(SPACE.parameters)
    assert space.objective_list == SPACE.objective_list


def test_a_default_that_is_written_out_changes_nothing(finished: str, runs_dir: Path) -> None:
    default = parse_trial({}).epsilon
    plan = plan_resume(Request(runs_dir=runs_dir, overrides=[f"epsilon={default}"]), finished)
    assert plan.space.trial["epsilon"] == default
    with raises_about(UsageError, ("trial.seed",)):
        plan_resume(Request(runs_dir=runs_dir, overrides=["seed=0"]), finished)


def test_the_ledger_decides_what_is_on_record_not_the_frozen_copy(finished: str, runs_dir: Path) -> None:
    path = runs_dir / finished / "space.yaml"
    path.write_text(path.read_text().replace("epochs: 9", "epochs: 5"))
    with raises_about(UsageError, ("trial.epochs",)):
        plan_resume(Request(runs_dir=runs_dir), finished)


def test_an_unknown_search_cannot_be_resumed(finished: str, runs_dir: Path) -> None:
    with raises_about(UsageError, "smal-1") as caught:
        plan_resume(Request(runs_dir=runs_dir), "smal-1")
    assert finished in str(caught.value), "the nearest name"


def test_without_a_name_the_newest_unfinished_search_is_resumed(
    finished: str, make_ledger: MakeLedger, runs_dir: Path
) -> None:
    with raises_about(UsageError, runs_dir):
        plan_resume(Request(runs_dir=runs_dir), "")
    Search(SPACE, make_ledger(SPACE, "other")).next_assignment()
    assert plan_resume(Request(runs_dir=runs_dir), "").folder.name == "other"
    assert finished != "other"


def test_a_damaged_search_does_not_keep_the_newest_from_being_found(make_ledger: MakeLedger, runs_dir: Path) -> None:
    make_ledger(SPACE, "sound")
    make_ledger(SPACE, "damaged").close()
    (runs_dir / "damaged" / "ledger.db").unlink()
    SearchFolder(runs_dir / "damaged").freeze(SPACE, frozen_facts(created="2027-01-01"))
    assert plan_resume(Request(runs_dir=runs_dir), "").folder.name == "sound"


def test_a_warm_start_is_read_when_the_search_is_planned(
    small_file: str, make_ledger: MakeLedger, runs_dir: Path
) -> None:
    drive(Search(SPACE, make_ledger(SPACE, "old")))
    plan = plan_new(Request(space=small_file, runs_dir=runs_dir, warm_start=["old"]))
    assert [(earlier.name, len(earlier.trials)) for earlier in plan.warm_start] == [("old", 3)]
    with raises_about(UsageError, "older"):
        plan_new(Request(space=small_file, runs_dir=runs_dir, warm_start=["old", "older"]))


def test_a_resumed_search_takes_no_new_evidence(finished: str, runs_dir: Path) -> None:
    with raises_about(UsageError, "--warm-start"):
        plan_resume(Request(runs_dir=runs_dir, warm_start=["old"]), finished)


@pytest.mark.parametrize(
    ("fact", "url"),
    [
        ("tracking_uri", "https://me:SECRET@host:5000"),
        ("ledger", "postgresql://me:SECRET@host/db"),
        ("ledger", "postgresql://host/db?user=me&password=SECRET"),
    ],
)
def test_a_url_that_is_remembered_without_its_password_is_not_used(
    finished: str, runs_dir: Path, fact: str, url: str
) -> None:
    folder = SearchFolder(runs_dir / finished)
    folder.freeze(SPACE, {**folder.frozen(), fact: without_password(url)})
    ledger = default_ledger_url(folder.path)
    option, variable = OPTIONS[fact]
    with raises_about(UsageError, option) as caught:
        plan_resume(Request(runs_dir=runs_dir, ledger=ledger if fact == "tracking_uri" else None), finished)
    assert all(shown in str(caught.value) for shown in (finished, "***", variable))
    plan = plan_resume(Request(runs_dir=runs_dir, ledger=ledger, tracking_uri=url), finished)
    assert (plan.tracking_uri, plan.ledger_url) == (url, ledger)


def test_database_files_are_remembered_with_their_whole_path(
    small_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = plan_new(
        Request(space=small_file, tracking_uri="sqlite:///mlflow.db", ledger="sqlite:///shared.db?timeout=9")
    )
    assert plan.tracking_uri == f"sqlite:///{tmp_path}/mlflow.db"
    assert plan.ledger_url == f"sqlite:///{tmp_path}/shared.db?timeout=9"


def test_ledger_and_mlflow_need_files_of_their_own_however_these_are_written(tmp_path: Path, small_file: str) -> None:
    runs_dir = tmp_path / "a?1"
    with raises_about(UsageError, ("--ledger", "--tracking-uri")):
        plan_new(Request(space=small_file, runs_dir=runs_dir, ledger=f"sqlite:///{tmp_path}/a%3F1/mlflow.db"))
    with raises_about(UsageError, "--ledger"):
        plan_new(Request(space=small_file, runs_dir=runs_dir, ledger="sqlite://"))
    with raises_about(UsageError, "--tracking-uri"):
        plan_new(Request(space=small_file, runs_dir=runs_dir, tracking_uri="sqlite:///:memory:"))


def test_ledger_and_mlflow_need_databases_of_their_own(runs_dir: Path, small_file: str) -> None:
    url = "postgresql://me:secret@host/everything"
    with raises_about(UsageError, ("--ledger", "--tracking-uri")) as caught:
        plan_new(Request(space=small_file, runs_dir=runs_dir, ledger=url, tracking_uri=url))
    assert without_password(url) in str(caught.value)
    assert "secret" not in str(caught.value)


def test_without_a_name_a_search_with_its_own_ledger_is_resumed_from_it(
    make_ledger: MakeLedger, runs_dir: Path
) -> None:
    make_ledger(SPACE)
    plan = plan_resume(Request(runs_dir=runs_dir, ledger="postgresql://host/db"), "")
    assert plan.ledger_url == default_ledger_url(runs_dir / SEARCH)
