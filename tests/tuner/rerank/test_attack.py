"""A trained trial that is attacked again on its validation images."""

from pathlib import Path

import pytest
import torch
from raises_about import raises_about
from trained_trials import SPACE, load_model

from training.attacks import Adversary, AttackError, Fgsm, Pgd
from training.config import parse_trial
from training.data.augment import to_unit
from tuner.errors import UsageError
from tuner.ledger import SqlLedger
from tuner.rerank.attack import attack_trials, suite_of
from tuner.rerank.order import Model
from tuner.runs.folder import SearchFolder

ATTACKS = ("fgsm", "pgd(steps=3, loss=margin)")


def test_an_image_is_robust_if_it_withstands_every_attack(trained: SqlLedger, runs_dir: Path) -> None:
    """As in a loop of its own over the images that the trial was validated on."""
    folder = SearchFolder(runs_dir / trained.search)
    calls: list[tuple[Model, int, int]] = []
    (found,) = attack_trials(
        folder, SPACE, trained.load(), [Model(0)], ATTACKS, on_batch=lambda *call: calls.append(call)
    )
    model = load_model(trained, runs_dir)
    config, clean, labels = model.config, to_unit(model.validation.images), model.validation.labels
    size = config.eval_attack_step_size
    attacks: list[Adversary] = [
        Fgsm(epsilon=config.epsilon),
        Pgd(epsilon=config.epsilon, step_size=size, steps=3, loss="margin"),
    ]
    with torch.no_grad():
        natural = model.classifier(clean).argmax(dim=1) == labels
    robust = natural.clone()
    for attack in attacks:
        moved = attack(model.classifier, clean[natural], labels[natural], seed=0)
        with torch.no_grad():
            robust[natural.nonzero().flatten()[model.classifier(moved).argmax(dim=1) != labels[natural]]] = False
    assert found.images == len(labels)
    assert found.robust == int(robust.sum())
    assert found.natural_accuracy == pytest.approx(natural.double().mean().item())
    assert found.pgd_accuracy == trained.load()[0].last_metrics["pgd_accuracy"]
    assert {model for model, _, _ in calls} == {Model(0)}
    assert calls[-1][1] == calls[-1][2]


def test_what_was_attacked_is_not_attacked_again(
    trained: SqlLedger, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = SearchFolder(runs_dir / trained.search)
    first = attack_trials(folder, SPACE, trained.load(), [Model(0)], ["fgsm"])
    monkeypatch.setattr(Fgsm, "__call__", None)
    assert attack_trials(folder, SPACE, trained.load(), [Model(0)], ["fgsm"]) == first


def test_a_state_of_another_evaluation_is_replaced(trained: SqlLedger, runs_dir: Path) -> None:
    folder = SearchFolder(runs_dir / trained.search)
    first = attack_trials(folder, SPACE, trained.load(), [Model(0)], ["fgsm"])
    (state,) = (folder.path / "rerank").glob("*/trial-0.json")
    state.write_text("{}", encoding="utf-8")
    assert attack_trials(folder, SPACE, trained.load(), [Model(0)], ["fgsm"]) == first


@pytest.mark.parametrize("attack", ["cw", "pgd(steps=2, epsilon=0.9)"])
def test_an_attack_in_another_ball_is_refused(trained: SqlLedger, runs_dir: Path, attack: str) -> None:
    """C&W minimises an l2 distance, and the second ball is larger than that of the search."""
    with pytest.raises(AttackError):
        attack_trials(SearchFolder(runs_dir / trained.search), SPACE, trained.load(), [Model(0)], ["fgsm", attack])


def test_a_trial_without_weights_is_refused(trained: SqlLedger, runs_dir: Path) -> None:
    with raises_about(UsageError, 1):
        attack_trials(SearchFolder(runs_dir / trained.search), SPACE, trained.load(), [Model(1)], ["fgsm"])


def test_the_norm_is_that_of_the_search() -> None:
    sizes = {"epsilon": 0.8, "attack_step_size": 0.3, "eval_attack_step_size": 0.1}
    suite = suite_of(parse_trial({"norm": "l2", **sizes}), ["pgd20"], 10)
    assert suite.norm == "l2"
    assert suite.attacks == (Pgd(norm="l2", epsilon=0.8, step_size=0.1, steps=20),)
