"""`tuner front NAME --rerank ATTACKS`."""

import json

import pytest
from raises_about import raises_about
from simulated_search import SEARCH
from typed_commands import Tuner

from tuner.cli import app
from tuner.errors import UsageError


@pytest.mark.usefixtures("trained")
def test_the_best_trials_are_attacked_again(tuner: Tuner) -> None:
    command = ("front", SEARCH, "--rerank", "fgsm,pgd(steps=2, loss=margin)", "--top", "1")
    shown = tuner(*command)
    assert shown.code == 0
    (row,) = json.loads(tuner(*command, "--format", "json").out)
    assert row["trial"] == 0
    assert row["robust_accuracy"] <= row["natural_accuracy"]
    assert f"{100 * row['robust_accuracy']:.2f}" in shown.out


@pytest.mark.usefixtures("trained", "tuner")
@pytest.mark.parametrize(
    ("options", "subject"),
    [
        ("--top 3", "--top"),
        ("--data-root elsewhere", "--data-root"),
        ("--rerank fgsm --knee", ["--knee"]),
        ("--rerank fgsm --out x.html", ["--out"]),
        ("--rerank nothing", "--rerank"),
        ("--rerank help", "--rerank"),
        ("--rerank fgsm --top 2", 1),
    ],
)
def test_what_cannot_be_attacked_is_refused(options: str, subject: object) -> None:
    with raises_about(UsageError, subject):
        app(["front", SEARCH, *options.split()])


@pytest.mark.usefixtures("tuner")
def test_several_searches_are_refused() -> None:
    with raises_about(UsageError, "--rerank"):
        app(["front", SEARCH, "another", "--rerank", "fgsm"])
