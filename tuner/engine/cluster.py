"""The Ray cluster of a search: start an embedded one or join an existing one, and see what it has to offer."""

import contextlib
import logging
import math
import os
import secrets
import socket
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence

from tuner.engine.signals import undisturbed
from tuner.errors import UsageError
from tuner.space.sections import ResourcesSpec

_LIMIT_SECONDS = 5.0

# Read by Ray when it is imported or when a run starts; a user's own setting wins.
_ENVIRONMENT = {
    "RAY_AIR_NEW_OUTPUT": "0",  # with it, Ray prints its own tables and ignores ours
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",  # a trial that asked for no GPU sees none
    "RAY_DEDUP_LOGS": "1",
    # Ray's own answer to SIGTERM, set while it connects, prints a stack and aborts three seconds later; Python's
    # faulthandler, which Ray turns on, too, still tells where a process crashed.
    "RAY_DISABLE_FAILURE_SIGNAL_HANDLER": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # the ledger has the tracebacks, the display their last lines
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the ledger replaces Tune's CSV, JSON and TensorBoard files
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # Tune knows one metric only; the ledger checks ours
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # `tuner.engine.session` handles both signals
    "TUNE_FUNCTION_THREAD_TIMEOUT_S": "60",  # a process that a stopped trial leaves late is no failure of the next
    # The answer of a node that was cut off for half a minute is lost with its connection, and the driver, which only
    # waits, would notice after seven minutes (Ray's default); then the trial goes on from its last checkpoint.
    "RAY_grpc_client_keepalive_time_ms": "20000",
    "RAY_grpc_client_keepalive_timeout_ms": "30000",
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",  # Tune's own state is never read again
}


def connect(address: str | None) -> None:
    """Start a local Ray, or join the cluster at `address` ("auto", "HOST:PORT"); raise UsageError if it fails."""
    for key, value in _ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    if address is None:
        # Ray would write a token into the home folder, which may be read-only; this one dies with the search.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    else:
        _require_reachable(address)
    with undisturbed():
        import ray

    warnings.filterwarnings("ignore", category=FutureWarning, module=r"ray\..*")
    try:
        with undisturbed(), _without_handler_of_ray():
            ray.init(
                address=address or "local",
                include_dashboard=False if address is None else None,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        where = f"Ray at {address}" if address else "a local Ray"
        raise UsageError(f"Could not reach {where}: {_first_line(error).rstrip('.')}. Check --address.") from error
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)


def disconnect() -> None:
    """Leave the cluster, if there is one, and end it if it is embedded; one signal meanwhile changes nothing."""
    ray = sys.modules.get("ray")
    if ray is not None:
        with contextlib.suppress(KeyboardInterrupt), undisturbed():
            ray.shutdown()


@contextlib.contextmanager
def _without_handler_of_ray() -> Iterator[None]:
    """Keep Ray from answering SIGTERM while it starts: it would leave the process in the middle of it, which aborts."""
    from ray._private import utils

    set_handler = utils.set_sigterm_handler
    utils.set_sigterm_handler = lambda _: None
    try:
        yield
    finally:
        utils.set_sigterm_handler = set_handler


def require_resources(resources: ResourcesSpec, space: str) -> None:
    """Raise UsageError if no trial could ever start on the connected cluster; Ray would wait for ever."""
    nodes = _nodes()
    if any(_fits(node, resources) for node in nodes):
        return
    wanted = {"GPU": resources.gpus_per_trial, "CPU": resources.cpus_per_trial}
    # The node that lacks least, GPUs first: the flags are those of a trial that starts there.
    shares = [(kind, amount) for kind, amount in wanted.items() if amount > 0]
    have = max(nodes, key=lambda node: [min(1, node.get(kind, 0) / amount) for kind, amount in shares], default={})
    lacking = {kind: amount for kind, amount in wanted.items() if amount > have.get(kind, 0)}
    asked = " and ".join(f"{amount:g} {kind}" for kind, amount in lacking.items())
    found = " and ".join(f"{have.get(kind, 0):g} {kind}" for kind in lacking)
    found += f" on the best of {len(nodes)} nodes" if len(nodes) > 1 else " here"
    flags = " ".join(f"--{kind.lower()}s-per-trial {math.floor(have.get(kind, 0)):g}" for kind in lacking)
    slow = " (slow: cut the space down, too, with --epochs and --set train_fraction=0.1)" if "GPU" in lacking else ""
    raise UsageError(
        f"{space} asks for {asked} a trial, but Ray has {found}. "
        f"Give --address of a larger cluster, or go on with {flags}{slow}."
    )


def trial_limit(resources: ResourcesSpec, concurrency: int | None) -> Callable[[], int]:
    """Give how many trials may live at once, asked again every few seconds: nodes may join and leave."""
    asked_at = -math.inf
    limit = 1

    def current() -> int:
        nonlocal asked_at, limit
        if concurrency is not None:
            return concurrency
        if time.monotonic() - asked_at > _LIMIT_SECONDS:
            limit = places(_nodes(), resources)
            asked_at = time.monotonic()
        return limit

    return current


def places(nodes: Sequence[Mapping[str, float]], resources: ResourcesSpec) -> int:
    """Count the trials that run side by side, at least one; a trial lies on one node as a whole."""
    return max(1, sum(_fits(node, resources) for node in nodes))


def _fits(node: Mapping[str, float], resources: ResourcesSpec) -> int:
    fits = node.get("CPU", 0) / resources.cpus_per_trial
    if resources.gpus_per_trial > 0:
        fits = min(fits, node.get("GPU", 0) / resources.gpus_per_trial)
    return math.floor(fits + 1e-9)


def _nodes() -> list[dict[str, float]]:
    """List the resources of the nodes that are alive."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]


def _require_reachable(address: str) -> None:
    if address.startswith("ray://"):
        raise UsageError(
            f"--address {address}: Ray Client is not supported; "
            "run the driver inside the cluster with `ray job submit`."
        )
    host, _, port = address.rpartition(":")
    if address in {"auto", "local"}:
        return
    if not host or not port.isdecimal():
        raise UsageError(f"--address {address!r} must be 'auto' or HOST:PORT, such as 10.0.0.1:6379.")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, ValueError, OverflowError) as error:
        raise UsageError(
            f"There is no Ray cluster at {address}: {error}. Start one with `ray start --head`, "
            "or leave --address out to use this machine."
        ) from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
