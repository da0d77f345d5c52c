"""`eval_early_attack_steps`: a cheaper attack before the last epoch, which is never mixed with that of the end."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from raises_about import raises_about
from stand_ins import ignore, make_config, make_data, same_weights, without_seconds

from training.config import ATTACK_STEPS, TrialConfig
from training.trainer import Trainer
from training.trainer.checkpoint import BEST_NAME, FILE_NAME, CheckpointError
from training.trainer.early_evaluation import evaluated_with
from training.trainer.validation import validate

EARLY: dict[str, Any] = {"eval_attack_steps": 6, "eval_attack_step_size": 0.04, "eval_early_attack_steps": 2}
ACCURACIES = ("natural_accuracy", "pgd_accuracy", "robust_accuracy")


def measured_by_hand(trainer: Trainer, steps: int, step_size: float) -> dict[str, float]:
    """Return the accuracies of the present weights under PGD with these steps, of the attack without any copy."""
    attack: dict[str, Any] = {
        "eval_attack_steps": steps,
        "eval_attack_step_size": step_size,
        "eval_early_attack_steps": 0,
    }
    return validate(trainer.model, make_data().validation, replace(trainer.config, **attack))


def accuracies(metrics: dict[str, float]) -> dict[str, float]:
    return {name: metrics[name] for name in ACCURACIES}


@pytest.mark.parametrize("compile_mode", ["auto", "off"])
def test_the_last_epoch_has_the_attack_of_the_end_and_all_others_the_early_one(compile_mode: str) -> None:
    config = make_config(**EARLY, epsilon=0.2, metrics=["robust_accuracy"], compile=compile_mode)
    trainer, told_apart = Trainer(config, make_data(), "cpu"), []
    for epoch in range(1, config.epochs + 1):
        metrics = trainer.train_epoch()
        cheap, strong = measured_by_hand(trainer, 2, 0.12), measured_by_hand(trainer, 6, 0.04)
        told_apart.append(cheap != strong)
        assert accuracies(metrics) == (strong if epoch == config.epochs else cheap)
        assert metrics[ATTACK_STEPS] == (6 if epoch == config.epochs else 2)
    assert told_apart[-1], "the attacks must differ, or this test could not see that they are mixed"
    assert any(told_apart[:-1])


def test_by_default_the_attacks_are_one_and_nothing_is_reported_of_it() -> None:
    config = make_config()
    assert config.eval_early_attack_steps == 0
    assert all(evaluated_with(config, epoch) is config for epoch in range(1, config.epochs + 1))
    trainer = Trainer(config, make_data(), "cpu")
    for _ in range(2):
        metrics = trainer.train_epoch()
        expected = validate(trainer.model, make_data().validation, config, attack=trainer.validation_attack)
        assert {name: metrics[name] for name in expected} == expected
        assert ATTACK_STEPS not in metrics
    assert trainer.early_validation_attack is None


def test_training_and_final_values_do_not_depend_on_the_early_attack() -> None:
    cheap, same = (Trainer(make_config(**changes), make_data(), "cpu") for changes in (EARLY, without_early(EARLY)))
    for trainer in (cheap, same):
        trainer.run(ignore)
    assert same_weights(cheap.model, same.model)
    (last, *_), (expected, *_) = (without_seconds(trainer.history[::-1]) for trainer in (cheap, same))
    assert last == {**expected, ATTACK_STEPS: 6}


def without_early(changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in changes.items() if key != "eval_early_attack_steps"}


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_early_attack_reaches_as_far(steps: int) -> None:
    config = make_config(**{**EARLY, "eval_early_attack_steps": steps})
    early = evaluated_with(config, config.epochs - 1)
    assert early.eval_attack_steps == steps
    assert early.eval_attack_steps * early.eval_attack_step_size == pytest.approx(6 * 0.04)
    assert differing(early, config) == {"eval_attack_steps", "eval_attack_step_size", "eval_early_attack_steps"}
    assert evaluated_with(config, config.epochs) is config
    assert evaluated_with(early, 1) is early


def differing(one: TrialConfig, other: TrialConfig) -> set[str]:
    here, there = one.to_mapping(), other.to_mapping()
    return {key for key in here if here[key] != there[key]}


def test_an_epoch_that_is_not_evaluated_reports_no_steps() -> None:
    trainer = Trainer(make_config(**EARLY, eval_every=3), make_data(), "cpu")
    trainer.run(ignore)
    assert [metrics.get(ATTACK_STEPS) for metrics in trainer.history] == [None, None, 2, 6]


def test_a_restored_trial_measures_as_if_it_had_not_been_interrupted(tmp_path: Path) -> None:
    config = make_config(**EARLY)
    whole, first, second = (Trainer(config, make_data(), "cpu") for _ in range(3))
    whole.run(ignore)
    for _ in range(3):
        first.train_epoch()
    first.save(tmp_path)
    second.restore(tmp_path)
    second.run(ignore)
    assert without_seconds(second.history) == without_seconds(whole.history)
    other = Trainer(make_config(**{**EARLY, "eval_early_attack_steps": 3}), make_data(), "cpu")
    with raises_about(CheckpointError, (tmp_path / FILE_NAME, "eval_early_attack_steps")):
        other.restore(tmp_path)


def test_no_best_epoch_is_kept_of_accuracies_that_do_not_compare(tmp_path: Path) -> None:
    for changes, is_kept in ((EARLY, False), (without_early(EARLY), True)):
        trainer = Trainer(make_config(**changes), make_data(), "cpu")
        trainer.train_epoch()
        trainer.save_best(tmp_path)
        assert (tmp_path / BEST_NAME).exists() is is_kept
