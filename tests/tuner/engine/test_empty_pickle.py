"""Ray Tune pickles the settings of a session, to restore it later. Nobody does that, and a ledger has no pickle."""

import pickle
from typing import Any

from ray import tune
from simulated_search import MakeLedger, new_search

from tuner.engine.crashes import Crashes
from tuner.engine.failures import FailureCallback
from tuner.engine.fallbacks import FallbackCallback
from tuner.engine.gpu_sharing import GpuShares
from tuner.engine.scheduler import LedgerScheduler
from tuner.engine.searcher import LedgerSearcher
from tuner.engine.stop_request import StopRequest


def test_ray_can_pickle_all_settings(make_ledger: MakeLedger) -> None:
    search = new_search(make_ledger)
    searcher = LedgerSearcher(search, "/runs", lambda: 1, GpuShares(0))
    callbacks: list[Any] = [
        FailureCallback(Crashes(search, lambda: 1), lambda *_: None, searcher),
        FallbackCallback(lambda _: None),
    ]
    for settings in (searcher, LedgerScheduler(search, "ray", GpuShares(0)), StopRequest(1.0), *callbacks):
        pickle.dumps(settings)
    assert all(isinstance(callback, tune.Callback) for callback in callbacks)
