"""Metrics from outside the project: what they are called with, and how an unfit one is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from plug_ins import plug_ins
from raises_about import raises_about
from stand_ins import ignore, make_config, make_data, random_states, same_weights, without_seconds

from training.compute.parallel import ALONE
from training.config import ConfigError, field_problems, sources_in
from training.models import build_model
from training.trainer import MetricError, Trainer
from training.trainer.measured import depends_on_images
from training.trainer.validation import validate

METRICS = """
import torch

from training.registry import METRICS


@METRICS.register("flip_share")
def flipped(predictions, adversarial_predictions):
    return (predictions != adversarial_predictions).double().mean()


def moved(images, adversarial_images, values):
    return (images - adversarial_images).abs().max() / values["epsilon"]


def noise(generator, device):
    torch.rand(3)
    return torch.rand(1, generator=generator, device=device)


def zero_share(model):
    weights = torch.cat([weight.flatten() for weight in model.parameters()])
    return float((weights.abs() < 1e-3).double().mean())


def images_seen(images, labels, batch_size):
    assert images.shape[0] == len(labels) and batch_size == 13
    return len(images)


def two(labels):
    return labels[:2]


def nothing(labels):
    return None


def large_share(labels):
    return 3.7


def undefined(labels):
    return float("nan")


def broken(labels):
    return labels["a"]


def late(labels):
    return float("inf") if len(labels) > 2 else 1.0


def strange(network):
    return 1


def painted(images):
    images.zero_()
    return 1.0


def pruned(model):
    next(model.parameters()).data.zero_()
    return 1.0
"""


@pytest.fixture
def code(tmp_path: Path) -> Iterator[Path]:
    with plug_ins(tmp_path, {"own_metrics.py": METRICS}) as folder:
        yield folder / "own_metrics.py"


@pytest.mark.usefixtures("code")
def test_a_metric_gets_what_it_asks_for() -> None:
    names = [f"own_metrics:{name}" for name in ("moved", "noise", "zero_share", "images_seen")]
    config = make_config(imports=["own_metrics"], metrics=["flip_share", *names, "worst_class_pgd_accuracy"])
    model, images = build_model(config, 4, (1, 8, 8)), make_data().validation
    before = random_states()
    found = validate(model, images, config)
    assert random_states() == before
    assert list(found) == ["natural_accuracy", "pgd_accuracy", *config.metrics]
    assert found["own_metrics:moved"] == pytest.approx(1, abs=1e-5)
    assert found["own_metrics:images_seen"] == len(images)
    assert 0 <= found["flip_share"] <= 1
    torch.rand(5)
    assert validate(model, images, config) == found, "noise is the same for every trial and epoch"
    assert validate(model, images, make_config(eval_images=7, metrics=names))["own_metrics:images_seen"] == 7


@pytest.mark.usefixtures("code")
def test_metrics_change_nothing_that_a_trial_learns() -> None:
    trainers = [Trainer(make_config(metrics=names), make_data(), "cpu") for names in ([], ["own_metrics:noise"])]
    for trainer in trainers:
        trainer.run(ignore)
    plain, measured = (trainer.history for trainer in trainers)
    others = [{key: value for key, value in epoch.items() if ":" not in key} for epoch in measured]
    assert without_seconds(others) == without_seconds(plain)
    assert all("own_metrics:noise" in epoch for epoch in measured)
    assert same_weights(*(trainer.model for trainer in trainers))


@pytest.mark.usefixtures("code")
def test_a_metric_that_changes_its_images_changes_no_other_metric() -> None:
    names = ["own_metrics:painted", "own_metrics:moved"]
    model, images = build_model(make_config(), 4, (1, 8, 8)), make_data().validation
    found = validate(model, images, make_config(metrics=names))
    assert found["own_metrics:moved"] == validate(model, images, make_config(metrics=names[1:]))["own_metrics:moved"]


@pytest.mark.parametrize("name", ["two", "nothing", "undefined", "broken", "pruned", "large_share"])
def test_an_unfit_metric_is_refused_before_the_first_epoch(code: Path, name: str) -> None:
    config = make_config(metrics=[f"own_metrics:{name}"])
    with pytest.raises(ConfigError) as refused:
        Trainer(config, make_data(), "cpu")
    ((key, message),) = refused.value.problems
    assert key == f"metrics.own_metrics:{name}"
    assert str(code) in message
    assert "\n" not in message


def test_a_metric_that_becomes_unfit_later_ends_the_trial(code: Path) -> None:
    trainer = Trainer(make_config(metrics=["own_metrics:late"]), make_data(), "cpu")
    with raises_about(MetricError, "own_metrics:late") as failed:
        trainer.train_epoch()
    assert str(code) in str(failed.value)


@pytest.mark.usefixtures("code")
@pytest.mark.parametrize(
    ("names", "about"),
    [
        (["own_metrics:strange"], "network"),
        (["own_metrics:absent"], "absent"),
        (["absent_metrics:one"], "absent_metrics"),
        (["pgd_accurac"], "pgd_accuracy"),
        (["seconds", "seconds"], "list"),
        ("seconds", "list"),
        ([3], "list"),
    ],
)
def test_names_of_metrics_are_checked(names: object, about: str) -> None:
    ((key, message),) = field_problems({"metrics": names})
    assert key == "metrics"
    assert about in message


def test_the_code_of_a_metric_is_among_the_sources_of_a_trial(code: Path) -> None:
    (source,) = sources_in(make_config(metrics=["own_metrics:zero_share"]))
    assert source.place == code


@pytest.mark.usefixtures("code")
def test_what_depends_on_the_images() -> None:
    names = ["pgd_accuracy", "own_metrics:moved", "parameters", "gpu_memory", "own_metrics:zero_share"]
    assert [depends_on_images(name) for name in names] == [True, True, False, False, False]


@pytest.mark.parametrize("size", [1, 7, 30])
def test_predictions_do_not_depend_on_the_batch_size_of_their_metrics(size: int) -> None:
    config = make_config(eval_batch_size=size, metrics=["worst_class_pgd_accuracy"], epsilon=0)
    model, images = build_model(config, 4, (1, 8, 8)), make_data().validation
    with torch.no_grad():
        predicted = model.eval()(images.images / 255).argmax(dim=1)
    shares = [
        (predicted == images.labels)[images.labels == c].double().mean().item() for c in set(images.labels.tolist())
    ]
    assert validate(model, images, config, ALONE)["worst_class_pgd_accuracy"] == pytest.approx(min(shares))
