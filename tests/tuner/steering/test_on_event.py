"""The user's command on the events of a search."""

import subprocess
import time
from pathlib import Path

import pytest
from simulated_search import checkpoint_of, small_space

from tuner.ledger import Decision, MemoryLedger, Outcome, Report, TrialRecord
from tuner.search import Search
from tuner.steering.on_event import Event, EventCommand, run_command

SPACE = small_space(search={"trials": 9}, early_stopping={"scheduler": "none"}, trial={"epochs": 1})


def complete(search: Search, natural: float, pgd: float) -> None:
    assignment = search.next_assignment()
    assert assignment is not None
    metrics = {"natural_accuracy": natural, "pgd_accuracy": pgd}
    search.report(assignment.number, 1, metrics, checkpoint_of(assignment.number, 1))


def test_each_new_point_of_the_front_and_the_end_are_told(tmp_path: Path) -> None:
    log, ledger = tmp_path / "log", MemoryLedger()
    search = Search(SPACE, ledger)
    complete(search, 0.5, 0.5)
    command = EventCommand(f'echo "$TUNER_EVENT $TUNER_SEARCH $TUNER_TRIAL" >> {log}', "mine", SPACE, search.trials)
    search.listeners.append(command)
    for point in ((0.9, 0.1), (0.4, 0.4), (0.95, 0.6), (0.95, 0.6)):
        complete(search, *point)
    command.close(Event.FINISHED)
    assert [line.split() for line in log.read_text().splitlines()] == [
        ["front", "mine", "1"],
        ["front", "mine", "3"],
        ["finished", "mine"],
    ]


def test_a_command_that_fails_ends_no_search(caplog: pytest.LogCaptureFixture) -> None:
    search = Search(SPACE, MemoryLedger())
    command = EventCommand("exit 3", "mine", SPACE)
    search.listeners.append(command)
    complete(search, 0.5, 0.5)
    command.close(None)
    assert len(caplog.records) == 1


def test_a_command_that_hangs_is_ended() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run_command("sleep 100", {}, seconds=0.2)


def test_the_end_is_told_although_a_command_still_runs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log, go_on = tmp_path / "log", tmp_path / "go_on"
    wait = f'if [ "$TUNER_EVENT" = front ]; then until [ -e {go_on} ]; do sleep 0.1; done; fi'
    search = Search(SPACE, MemoryLedger())
    command = EventCommand(f'{wait}; echo "$TUNER_EVENT $TUNER_TRIAL" >> {log}', "mine", SPACE)
    search.listeners.append(command)
    for point in ((0.9, 0.1), (0.4, 0.4), (0.1, 0.9)):
        complete(search, *point)
    command.close(Event.FINISHED, seconds=1.0)
    while not log.exists():
        time.sleep(0.1)
    assert log.read_text().split() == ["finished"]
    assert len(caplog.records) == 1, "two points of the front were not told"
    go_on.touch()


def test_a_repeat_is_no_new_point(tmp_path: Path) -> None:
    space = small_space(search={"reseed": "front"}, early_stopping={"scheduler": "none"})
    point, metrics = {"alpha": 0.5}, {"natural_accuracy": 0.5, "pgd_accuracy": 0.5}
    command = EventCommand(f"echo $TUNER_TRIAL >> {tmp_path / 'log'}", "mine", space)
    for number, parameters in enumerate((point, {**point, "seed": 4}, {"alpha": 0.6})):
        better = {name: value + number / 10 for name, value in metrics.items()}
        report = Report(9, better, rung=False, decision=Decision.COMPLETE, checkpoint=None, time=1.0)
        command.on_ended(TrialRecord(number, parameters, Outcome.COMPLETED, 0.0, ended=1.0, reports=(report,)))
    command.close(None)
    assert (tmp_path / "log").read_text().split() == ["0", "2"]


def test_the_epochs_of_a_trial_on_the_front_are_told_at_its_end(tmp_path: Path) -> None:
    space = small_space(search={"candidates": "every_evaluation"}, early_stopping={"scheduler": "none"})
    log, search = tmp_path / "log", Search(space, MemoryLedger())
    command = EventCommand(f'echo "$TUNER_TRIAL $TUNER_TEXT" >> {log}', "mine", space)
    search.listeners.append(command)
    search.next_assignment()
    for epoch, natural, pgd in ((1, 0.9, 0.1), (2, 0.5, 0.5), (3, 0.4, 0.4)):
        search.report(0, epoch, {"natural_accuracy": natural, "pgd_accuracy": pgd}, None)
    search.stop_trial(0, "the user wants it")
    command.close(None)
    (line,) = log.read_text().splitlines()
    assert line.startswith("0 ")
    assert ["epoch 1" in line, "epoch 2" in line, "epoch 3" in line] == [True, True, False]
