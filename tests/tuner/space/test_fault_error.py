"""The error that lists faults says where each faulty value comes from: the file, or `--set`."""

import pytest

from tuner.space.fault_error import fault_error

EPSILON, LOW, HIGH = "--set 'epsilon=-1'", "--set 'parameters.alpha.low=7'", "--set 'parameters.alpha.high=3'"


def test_faults_beyond_a_hundred_are_counted() -> None:
    error = fault_error("my.yaml", [(f"trial.{number}", "unknown") for number in range(150)])
    assert len(str(error).splitlines()) == 101
    assert error.subject == tuple(f"trial.{number}" for number in range(150))


@pytest.mark.parametrize(
    ("setters", "path", "origin"),
    [
        ({}, "trial.epsilon", "my.yaml"),
        ({"trial.epsilon": EPSILON}, "trial.epsilon", EPSILON),
        ({"trial.epsilon": EPSILON}, "trial.epsilon_start", f"my.yaml with {EPSILON}"),
        ({"parameters.alpha": HIGH, "parameters.alpha.low": LOW}, "parameters.alpha.low", LOW),
        ({"parameters.alpha": HIGH, "parameters.alpha.low": LOW}, "parameters.alpha.step", HIGH),
        ({"parameters.alpha.low": LOW}, "parameters.alpha", f"my.yaml with {LOW}"),
        (
            {"parameters.alpha.low": LOW, "trial.epsilon": EPSILON, "parameters.alpha.high": HIGH},
            "parameters.alpha",
            f"my.yaml with {LOW} and {HIGH}",
        ),
    ],
)
def test_a_fault_is_told_of_where_its_value_comes_from(setters: dict[str, str], path: str, origin: str) -> None:
    error = fault_error("my.yaml", [(path, "is wrong")], setters)
    assert str(error) == f"{origin}: {path}: is wrong"
    assert (
        str(fault_error("my.yaml", [(path, "is wrong")], setters, [(path, "is wrong")])) == f"my.yaml: {path}: is wrong"
    )
