"""The Ray cluster of a search: start an embedded one or join an existing one, and count the trials that fit.

Ray reads its environment variables when it is imported or when a run starts, so only functions here import Ray.
"""

import contextlib
import logging
import math
import os
import secrets
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tuner.engine import ray_start
from tuner.engine.signals import delay_signals
from tuner.errors import UsageError
from tuner.space.sections import ResourcesSpec

_LIMIT_SECONDS = 5.0

# Ray's variables that a driver sets; many are not documented. A test looks for each name in the installed Ray.
ENVIRONMENT: Mapping[str, str] = {
    "RAY_AIR_NEW_OUTPUT": "0",  # with it, Ray prints its own tables and ignores ours
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",  # a trial that asked for no GPU sees none
    "RAY_DEDUP_LOGS": "1",
    # Ray's own answer to SIGTERM, set while it connects, prints a stack and aborts three seconds later. Python's
    # faulthandler, which Ray turns on as well, still shows where a process crashed.
    "RAY_DISABLE_FAILURE_SIGNAL_HANDLER": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # the ledger has the tracebacks, the display their last lines
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the ledger replaces Tune's CSV, JSON and TensorBoard files
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # Tune knows one metric only; the ledger checks ours
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # `tuner.engine.session` handles both signals
    "TUNE_FUNCTION_THREAD_TIMEOUT_S": "60",  # a process that a stopped trial leaves late is no failure of the next
    # A node that was cut off for half a minute loses its answer with its connection. By default the driver, which only
    # waits, would notice after seven minutes. With these it notices soon, and the trial continues from a checkpoint.
    "RAY_grpc_client_keepalive_time_ms": "20000",
    "RAY_grpc_client_keepalive_timeout_ms": "30000",
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",  # Tune's own state is never read again
}

# Ray ends its driver without a message when its head was silent for so many seconds, by default 60.
HEAD_PATIENCE = "RAY_gcs_rpc_server_reconnect_timeout_s"

# A node's resources by kind, such as {"CPU": 8, "GPU": 2}.
Resources = Mapping[str, float]


def set_environment() -> None:
    """Set the variables, except those that the user has set."""
    for key, value in ENVIRONMENT.items():
        os.environ.setdefault(key, value)


def head_patience_seconds() -> float:
    """Return how long Ray waits for its head before it ends the driver; raise UsageError if the variable is wrong."""
    text = os.environ.get(HEAD_PATIENCE, "60")
    try:
        return float(text)
    except ValueError as error:
        raise UsageError(
            f"{HEAD_PATIENCE} is {text!r}, but must be a number of seconds: correct the variable or remove it.",
            HEAD_PATIENCE,
        ) from error


def connect(address: str | None, modules: Sequence[Path] = ()) -> None:
    """Start a local Ray, or join the cluster at `address` ("auto" or "HOST:PORT"); raise UsageError if that fails.

    Ray copies the files and packages `modules` to every node, so that the trials can import them. "local", Ray's own
    word for no address, starts a local Ray, too.
    """
    address = None if address == "local" else address
    set_environment()
    ray_start.require_variables([name for name in os.environ if os.environ[name] != ENVIRONMENT.get(name)])
    head_patience_seconds()  # a wrong value is refused before a search is written
    if address is None:
        ray_start.require_folder()
        # Ray would write a token into the home folder, which may be read-only. This one ends with the search.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    else:
        ray_start.require_reachable(address)
    with delay_signals():
        import ray

        from tuner.engine.ray_private import without_sigterm_handler

    warnings.filterwarnings("ignore", category=FutureWarning, module=r"ray\..*")

    def init() -> None:
        with delay_signals(), without_sigterm_handler():
            ray.init(
                address=address or "local",
                include_dashboard=False if address is None else None,
                log_to_driver=False,
                logging_level=logging.ERROR,
                runtime_env={"py_modules": list(map(str, modules))} if modules else None,
            )

    if address is None:
        ray_start.start(init, ray.shutdown)
    else:
        ray_start.join(init, address)
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)


def disconnect() -> None:
    """Leave the cluster, if there is one, and end it if it is embedded; one signal during that changes nothing."""
    ray = sys.modules.get("ray")
    if ray is not None:
        with contextlib.suppress(KeyboardInterrupt), delay_signals():
            ray.shutdown()


def alive_nodes() -> Sequence[Resources]:
    """Return the resources of the connected cluster's nodes that are alive."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]


def require_resources(
    resources: ResourcesSpec, space: str, nodes: Callable[[], Sequence[Resources]] = alive_nodes
) -> None:
    """Raise UsageError if no node has room for a trial of the space named `space`: Ray would wait for ever."""
    found = nodes()
    if not any(_trials_on(node, resources) for node in found):
        raise _shortage(resources, space, found)


def _shortage(resources: ResourcesSpec, space: str, nodes: Sequence[Resources]) -> UsageError:
    """Return the error for a space whose trials fit on no node, with the flags of a trial that would fit."""
    wanted = {"GPU": resources.gpus_per_trial, "CPU": resources.cpus_per_trial}
    # The flags are for the node that lacks least, GPUs first.
    shares = [(kind, amount) for kind, amount in wanted.items() if amount > 0]
    have = max(nodes, key=lambda node: [min(1, node.get(kind, 0) / amount) for kind, amount in shares], default={})
    lacking = {kind: amount for kind, amount in wanted.items() if amount > have.get(kind, 0)}
    demand = " and ".join(f"{amount:g} {kind}" for kind, amount in lacking.items())
    offer = " and ".join(f"{have.get(kind, 0):g} {kind}" for kind in lacking)
    where = f"on the best of {len(nodes)} nodes" if len(nodes) > 1 else "here"
    flags = {f"--{kind.lower()}s-per-trial": math.floor(have.get(kind, 0)) for kind in lacking}
    slow = " (slow: also make the space smaller with --epochs and --set train_fraction=0.1)" if "GPU" in lacking else ""
    return UsageError(
        f"{space} asks for {demand} a trial, but Ray has {offer} {where}. Set --address to a larger cluster, or "
        f"continue with {' '.join(f'{flag} {value}' for flag, value in flags.items())}{slow}.",
        tuple(flags),
    )


def trial_limit(
    resources: ResourcesSpec,
    concurrency: Callable[[], int | None],
    nodes: Callable[[], Sequence[Resources]] = alive_nodes,
    clock: Callable[[], float] = time.monotonic,
) -> Callable[[], int]:
    """Return a function that counts the trials that may run at once: `concurrency()`, or as many as fit on the nodes.

    It asks for the nodes again every few seconds, since nodes may join and leave.
    """
    asked_at = -math.inf
    limit = 1

    def current() -> int:
        nonlocal asked_at, limit
        if (wanted := concurrency()) is not None:
            return wanted
        if clock() - asked_at > _LIMIT_SECONDS:
            limit = places(nodes(), resources)
            asked_at = clock()
        return limit

    return current


def places(nodes: Sequence[Resources], resources: ResourcesSpec) -> int:
    """Count the trials that fit on the nodes at once, at least one; a trial lies on one node as a whole."""
    return max(1, sum(_trials_on(node, resources) for node in nodes))


def _trials_on(node: Resources, resources: ResourcesSpec) -> int:
    count = node.get("CPU", 0) / resources.cpus_per_trial
    if resources.gpus_per_trial > 0:
        count = min(count, node.get("GPU", 0) / resources.gpus_per_trial)
    return math.floor(count + 1e-9)
