"""The watch over Ray's node, without Ray."""

import threading

import pytest
from simulated_search import MakeLedger, small_space

from tuner.engine.adapters import StopRequest
from tuner.engine.crashes import Crashes
from tuner.engine.ending import BrokenOffError, Ending
from tuner.engine.node_watch import node_watch
from tuner.engine.session import _ending
from tuner.search import Search

PATIENCE_SECONDS = 20


def test_a_node_that_dies_is_told_once() -> None:
    answers = iter([True, True, False])
    lost, told = threading.Event(), []

    def on_lost() -> None:
        told.append(threading.current_thread().name)
        lost.set()

    with node_watch(lambda: next(answers), on_lost, interval_seconds=0.001):
        assert lost.wait(PATIENCE_SECONDS)
    assert told == ["node-watch"]


def test_a_node_that_lives_is_not_told() -> None:
    asked = threading.Semaphore(0)

    def is_alive() -> bool:
        asked.release()
        return True

    def on_lost() -> None:
        told.append("lost")

    told: list[str] = []
    with node_watch(is_alive, on_lost, interval_seconds=0.001):
        for _ in range(3):
            assert asked.acquire(timeout=PATIENCE_SECONDS)
    assert told == []


def test_a_lost_node_ends_the_session_with_the_way_on(make_ledger: MakeLedger) -> None:
    space = small_space(search={"trials": 1})
    search = Search(space, make_ledger(space))
    stop = StopRequest(None, hope=lambda: True)
    assert not stop.stop_all()
    stop.node_lost = True
    assert stop.stop_all()
    search.next_assignment()
    with pytest.raises(BrokenOffError, match=r"node on this machine died.*resume"):
        _ending(search, stop, Crashes(search, lambda: 1))
    search.fail(0, "diverged")
    assert _ending(search, stop, Crashes(search, lambda: 1)) is Ending.FINISHED
