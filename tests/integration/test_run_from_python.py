"""A search that is started from Python does what the command does."""

from pathlib import Path

import pytest
from driver_process import TINY, ended, kill_when, run, start, trials_of

from tuner import load
from tuner.runs.folder import SearchFolder
from tuner.space.continued import differing_keys

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
WORDS = ("--trials", "3", "--epochs", "2", "--concurrency", "1")
SCRIPT = """
from tuner import run

options = dict(name="tiny-1", resume_or_start=True, trials=3, epochs=2, concurrency=1, runs_dir={runs_dir!r})
for _ in range(2):
    search = run({space!r}, **options)
print("found", len(search.front), search.trials["outcome"].tolist())
"""


def test_the_same_search_by_command_and_by_python_has_the_same_trials_and_front(tmp_path: Path) -> None:
    by_command, by_python = tmp_path / "command" / "runs", tmp_path / "python" / "runs"
    for runs_dir in (by_command, by_python):
        runs_dir.parent.mkdir()
    done = run(by_command, "--space", str(TINY), *WORDS)
    assert done.code == 0, done.output
    script = by_python.parent / "search.py"
    script.write_text(SCRIPT.format(space=str(TINY), runs_dir=str(by_python)))
    found = ended([str(script)], by_python.parent)
    assert found.code == 0, found.output
    assert "found " in found.output
    one, two = (load("tiny-1", runs_dir=runs_dir) for runs_dir in (by_command, by_python))
    assert differing_keys(one.space, two.space) == {}
    measured = ["outcome", "epochs", "natural_accuracy", "pgd_accuracy", *one.space.parameters]
    assert one.trials[measured].equals(two.trials[measured])
    assert one.front.frame.equals(two.front.frame)
    assert two.model(int(two.front.frame.index[0])) is not None


def test_python_continues_what_a_killed_command_began(tmp_path: Path) -> None:
    runs_dir = tmp_path / "runs"
    driver = start(runs_dir, "--space", str(TINY), *WORDS)

    def has_begun() -> bool:
        return SearchFolder(runs_dir / "tiny-1").space_file.exists() and bool(trials_of(runs_dir, "tiny-1"))

    kill_when(driver, has_begun)
    script = tmp_path / "search.py"
    script.write_text(SCRIPT.format(space=str(TINY), runs_dir=str(runs_dir)))
    done = ended([str(script)], tmp_path)
    assert done.code == 0, done.output
    assert len(trials_of(runs_dir, "tiny-1")) == 3


def test_a_search_beside_a_ray_of_the_user_is_refused_and_leaves_that_ray_alone(tmp_path: Path) -> None:
    script = tmp_path / "search.py"
    script.write_text(
        "import ray\nfrom tuner import run\nfrom tuner.errors import UsageError\n"
        "ray.init(include_dashboard=False, num_cpus=1)\n"
        "try:\n    run('digits_tradeoff')\nexcept UsageError as error:\n    print('refused', error.subject)\n"
        "print(ray.is_initialized())\n"
    )
    done = ended([str(script)], tmp_path)
    assert "refused ray\nTrue" in done.output, done.output
    assert not (tmp_path / "runs").exists()
