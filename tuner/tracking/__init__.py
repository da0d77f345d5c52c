"""MLflow as a projection of the ledger: written in batches, and rebuilt from the ledger at any time."""

import os

# Without these settings MLflow would retry a call for minutes; here a failed round is tried again later. They must be
# set before MLflow is imported. A user's own setting wins.
for _key, _value in {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}.items():
    os.environ.setdefault(_key, _value)
