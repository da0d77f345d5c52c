"""Ray's environment variables that a driver sets; many are not documented.

Ray reads them when it is imported or when a run starts, so this module must not import Ray. A test looks for each
name in the installed Ray.
"""

import os
from collections.abc import Mapping

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


def set_environment() -> None:
    """Set the variables, except those that the user has set."""
    for key, value in ENVIRONMENT.items():
        os.environ.setdefault(key, value)


def head_patience_seconds() -> float:
    """Return how long Ray waits for its head before it ends the driver."""
    return float(os.environ.get(HEAD_PATIENCE, "60"))
