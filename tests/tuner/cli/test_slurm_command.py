"""`tuner slurm`: what it prints, and what it refuses before a job waits for hours."""

import sys

import pytest
from typed_commands import Tuner

DIGITS = ("slurm", "--space", "digits_tradeoff", "--time", "12h")


def test_the_script_names_the_interpreter_and_the_options_of_the_search(tuner: Tuner) -> None:
    answer = tuner(*DIGITS, "--name", "nightly", "--runs-dir", "my runs", "--", "--trials", "96")
    assert (answer.code, answer.err) == (0, "")
    assert f"export python={sys.executable}" in answer.out
    assert "--space digits_tradeoff --name nightly --runs-dir 'my runs' --trials 96 &" in answer.out
    assert "#SBATCH --job-name=nightly" in answer.out


def test_gpus_and_cores_follow_from_the_space(tuner: Tuner) -> None:
    answer = tuner("slurm", "--space", "cifar10_tradeoff", "--time", "1d", "--", "--gpus-per-trial", "2")
    assert "#SBATCH --gpus-per-node=2\n" in answer.out
    assert "--gpus-per-node" not in tuner(*DIGITS).out


@pytest.mark.parametrize(
    "words",
    [
        ("--name", "a/b"),
        ("--time", "soon"),
        ("--lead", "1s"),
        ("--nodes", "0"),
        ("--", "--trails", "4"),
        ("--", "--trials", "none"),
        ("--", "--set", "epsilom=1"),
        ("--", "--resume=digits"),
        ("--", "--name", "other"),
        ("--gpus-per-node", "1", "--", "--gpus-per-trial", "2"),
    ],
)
def test_a_fault_is_found_before_the_job_waits(tuner: Tuner, words: tuple[str, ...]) -> None:
    answer = tuner(*DIGITS, *words)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err
