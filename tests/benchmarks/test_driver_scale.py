from typing import Any

import pytest

from benchmarks.driver_scale.__main__ import _middle_run
from benchmarks.driver_scale.layers import Setting


@pytest.mark.parametrize(("rates", "middle"), [([3.0], 3.0), ([5.0, 1.0, 3.0], 3.0), ([4.0, 1.0], 1.0)])
def test_of_several_runs_the_middle_one_is_given_with_the_rates_of_all(rates: list[float], middle: float) -> None:
    runs = iter(rates)

    def measure(_: Setting) -> dict[str, Any]:
        rate = next(runs)
        return {"reports_per_second": rate, "reports": 10 * rate}

    found = _middle_run(Setting(16, 1.0), len(rates), measure)
    assert (found["reports_per_second"], found["reports"]) == (middle, 10 * middle)
    assert found["reports_per_second_of_each_run"] == sorted(rates)
