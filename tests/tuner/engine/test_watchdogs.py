"""The watch over Ray's node and head, without Ray."""

import socket
import threading

import pytest
from simulated_search import MakeLedger, new_search

from tuner.engine.crashes import Crashes
from tuner.engine.session import StopRequest, _ending
from tuner.engine.session_interface import Ending, NodeLostError
from tuner.engine.watchdogs import EndTimer, head_is_alive, watch

PATIENCE_SECONDS = 20


def test_a_node_that_dies_is_reported_once() -> None:
    answers = iter([True, True, False])
    lost, calls = threading.Event(), []

    def on_lost() -> None:
        calls.append(threading.current_thread().name)
        lost.set()

    with watch(lambda: next(answers), on_lost, interval_seconds=0.001):
        assert lost.wait(PATIENCE_SECONDS)
    assert calls == ["node-watch"]


def test_a_silence_that_ends_in_time_is_forgiven() -> None:
    answers = iter([True, False, False, True, False, True])
    asked, calls = threading.Event(), []

    def is_alive() -> bool:
        answer = next(answers, None)
        if answer is None:
            asked.set()
        return answer is not False

    with watch(is_alive, lambda: calls.append("lost"), patience_seconds=PATIENCE_SECONDS, interval_seconds=0.001):
        assert asked.wait(PATIENCE_SECONDS)
    assert calls == []


def test_a_silence_longer_than_the_patience_is_reported() -> None:
    asked, lost = [], threading.Event()

    def is_alive() -> bool:
        asked.append("once")
        return False

    with watch(is_alive, lost.set, patience_seconds=0.05, interval_seconds=0.001):
        assert lost.wait(PATIENCE_SECONDS)
    assert len(asked) > 1


def test_the_head_is_alive_as_long_as_it_accepts_connections() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert head_is_alive(lambda: address)
    assert not head_is_alive(lambda: address)


def test_a_ray_that_has_ended_does_not_count_as_a_lost_head() -> None:
    def ended() -> str:
        raise RuntimeError("Ray has not been started yet.")

    assert head_is_alive(ended)


def test_the_timer_calls_once_unless_the_block_ends_in_time() -> None:
    late = threading.Event()
    with EndTimer(late.set, 0.01) as timer:
        timer.start()
        timer.start()
        assert late.wait(PATIENCE_SECONDS)
    calls: list[str] = []
    with EndTimer(lambda: calls.append("late"), PATIENCE_SECONDS) as timer:
        timer.start()
    with EndTimer(lambda: calls.append("late"), 0):
        pass
    assert calls == []


def test_a_lost_node_ends_the_session(make_ledger: MakeLedger) -> None:
    search = new_search(make_ledger, search={"trials": 1})
    stop = StopRequest(None)
    assert not stop.stop_all()
    stop.node_lost = True
    assert stop.stop_all()
    search.next_assignment()
    with pytest.raises(NodeLostError):
        _ending(search, stop, Crashes(search, lambda: 1))
    search.fail(0, "diverged")
    assert _ending(search, stop, Crashes(search, lambda: 1)) is Ending.FINISHED
