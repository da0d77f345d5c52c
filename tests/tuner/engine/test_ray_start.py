"""What can go wrong before Ray answers, checked without a cluster."""

import socket
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from raises_about import raises_about

from tuner.engine import cluster, ray_start
from tuner.errors import UsageError


@pytest.mark.parametrize(
    ("address", "subject"),
    [
        *((address, "--address") for address in ("host", ":6379", "host:port", "host:", "", "127.0.0.1:²")),
        *((address, address) for address in ("..:6379", f"{'a' * 70}.example:6379")),
        ("ray://host:10001", "--address"),
    ],
)
def test_an_address_that_cannot_be_reached_is_refused(address: str, subject: str) -> None:
    with raises_about(UsageError, subject):
        ray_start.require_reachable(address)


def test_a_port_that_refuses_connections_is_an_error_before_ray_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        address = "{}:{}".format(*server.getsockname())
        ray_start.require_reachable(address)
    with raises_about(UsageError, address):
        cluster.connect(address)
    monkeypatch.setenv("RAY_ADDRESS", address)
    with raises_about(UsageError, address):
        cluster.connect("auto")
    for wrong in ("nonsense", "local", "ray://host:10001"):
        monkeypatch.setenv("RAY_ADDRESS", wrong)
        with raises_about(UsageError, "RAY_ADDRESS"):
            cluster.connect("auto")
    for known in ("", "auto"):
        monkeypatch.setenv("RAY_ADDRESS", known)
        ray_start.require_reachable("auto")


def test_an_address_from_the_variable_is_blamed_on_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "nonsense")
    with raises_about(UsageError, "RAY_ADDRESS"):
        ray_start.require_reachable("nonsense")
    with raises_about(UsageError, "--address"):
        ray_start.require_reachable("other")


def test_local_is_another_word_for_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_TMPDIR", "/proc")
    with raises_about(UsageError, "RAY_TMPDIR"):  # what a local Ray needs is checked
        cluster.connect("local")


@pytest.mark.parametrize("name", ["RAY_memory_usage_threshold", cluster.HEAD_PATIENCE])
def test_a_variable_whose_value_would_abort_the_process_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("RAY_event_stats", "false")
    ray_start.require_variables(["RAY_event_stats"])
    for value in ("abc", ""):
        monkeypatch.setenv(name, value)
        with raises_about(UsageError, name):
            ray_start.require_variables(["RAY_event_stats", name])


def test_no_variable_is_blamed_if_ray_cannot_be_imported_without_it_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_event_stats", "false")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    ray_start.require_variables(["RAY_event_stats"])


@pytest.mark.parametrize("variable", ["RAY_TMPDIR", "TMPDIR"])
def test_the_folder_of_ray_must_have_a_short_path_and_be_writable(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.delenv("TMPDIR", raising=False)
    ray_start.require_folder()
    for place in (f"/tmp/{'a' * 35}", f"/tmp/{'é' * 18}", "/proc", "/proc/nowhere", "/dev/null"):
        monkeypatch.setenv(variable, place)
        with raises_about(UsageError, variable):
            ray_start.require_folder()


def test_a_folder_of_ray_that_does_not_exist_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders have long paths
        monkeypatch.setenv("RAY_TMPDIR", f"{folder}/a/b")
        ray_start.require_folder()
        assert Path(folder, "a/b/ray").is_dir()


def _fail(errors: list[Exception]) -> None:
    if errors:
        raise errors.pop(0)


@pytest.mark.parametrize("failures", [0, 1, 2])
@pytest.mark.parametrize("kind", [Exception, RuntimeError, TimeoutError])
def test_a_busy_machine_gets_three_attempts(kind: type[Exception], failures: int) -> None:
    errors = [kind("The current node timed out during startup")] * failures
    stops: list[int] = []
    pauses: list[float] = []
    ray_start.start(lambda: _fail(errors), lambda: stops.append(1), pauses.append)
    assert (errors, len(stops), len(pauses)) == ([], failures, failures)


def test_after_three_attempts_the_reason_is_one_sentence() -> None:
    errors = [Exception("The current node timed out\nduring startup")] * 4
    pauses: list[float] = []
    with raises_about(UsageError, "ray") as caught:
        ray_start.start(lambda: _fail(errors), lambda: None, pauses.append)
    assert (len(errors), len(pauses), len(str(caught.value).splitlines())) == (1, 2, 1)
    with raises_about(UsageError, "ray"):
        ray_start.start(lambda: _fail([ValueError("another fault is not tried again")]), lambda: None, pauses.append)
    assert len(pauses) == 2


@pytest.mark.parametrize(
    ("address", "error", "asks_for_token"),
    [
        ("10.0.0.1:6379", RuntimeError("InvalidAuthToken"), True),
        ("10.0.0.1:6379", ConnectionError("Failed to connect to Ray cluster at 10.0.0.1:6379"), True),
        ("auto", ConnectionError("Failed to connect to Ray cluster at 10.0.0.1:6379"), True),
        ("auto", ConnectionError("Could not find any running Ray instance."), False),
    ],
)
def test_a_cluster_that_refuses_the_driver_is_told_from_one_that_is_not_there(
    address: str, error: Exception, *, asks_for_token: bool
) -> None:
    with raises_about(UsageError, address) as caught:
        ray_start.join(lambda: _fail([error]), address)
    assert address in str(caught.value)
    assert ("RAY_AUTH_TOKEN" in str(caught.value)) is asks_for_token
