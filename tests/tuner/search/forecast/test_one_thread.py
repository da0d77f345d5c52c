"""The limit of BLAS's threads while several threads of a driver compute."""

from contextlib import ExitStack

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from tuner.search.forecast.one_thread import one_thread


def threads() -> list[int]:
    np.ones((2, 2)) @ np.ones((2, 2))
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_the_limit_lasts_until_the_last_block_ends() -> None:
    with threadpool_limits(2, "blas"):
        before = threads()
        first, second = ExitStack(), ExitStack()
        first.enter_context(one_thread())
        second.enter_context(one_thread())
        assert set(threads()) == {1}
        first.close()
        assert set(threads()) == {1}
        second.close()
        assert threads() == before
