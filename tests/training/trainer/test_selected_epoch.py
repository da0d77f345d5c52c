"""`select: best`: the epoch that one half of the validation images chooses, measured on the other half."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from raises_about import raises_about
from stand_ins import ignore, make_config, make_data, same_weights, without_seconds

from training.config import BEST_EPOCH, LAST, SELECTION, ConfigError
from training.data import ImageSet
from training.models import build_model
from training.trainer import Trainer
from training.trainer.checkpoint import CheckpointError, read_checkpoint
from training.trainer.selected_epoch import best_epoch, require_two_halves, selected_weights, with_best
from training.trainer.validation import validate

ACCURACIES = ("natural_accuracy", "pgd_accuracy")


def trained(epochs: int = 6, **changes: object) -> Trainer:
    """Return a trainer after all its epochs; the learning rate is so large that accuracies rise and fall."""
    trainer = Trainer(
        make_config(epochs=epochs, select="best", learning_rate=0.2, lr_drops=[], **changes), make_data(), "cpu"
    )
    trainer.run(ignore)
    return trainer


@given(st.lists(st.one_of(st.none(), st.sampled_from([0.1, 0.2, 0.3])), min_size=1, max_size=8))
def test_the_metrics_are_those_of_the_first_epoch_with_the_largest_accuracy(accuracies: list[float | None]) -> None:
    """None stands for an epoch that is not evaluated."""
    history: list[dict[str, float]] = []
    for number, accuracy in enumerate(accuracies):
        measured = {SELECTION: accuracy, "pgd_accuracy": number / 10} if accuracy is not None else None
        history.append({} if measured is None else with_best(history, measured))
    seen = [(accuracy, number) for number, accuracy in enumerate(accuracies) if accuracy is not None]
    if not seen:
        assert best_epoch(history) is None
        return
    expected = next(number for accuracy, number in seen if accuracy == max(seen)[0])
    last = seen[-1][1]
    assert best_epoch(history) == expected + 1
    assert history[last] == {
        "pgd_accuracy": expected / 10,
        f"{LAST}pgd_accuracy": last / 10,
        SELECTION: accuracies[last],
        BEST_EPOCH: expected + 1,
    }


def test_a_metric_that_the_best_epoch_did_not_measure_is_left_out() -> None:
    history = [with_best([], {SELECTION: 0.5, "pgd_accuracy": 0.4})]
    found = with_best(history, {SELECTION: 0.1, "pgd_accuracy": 0.2, "parameters": 7})
    assert found["pgd_accuracy"] == 0.4
    assert "parameters" not in found
    assert found["last/parameters"] == 7


def test_one_half_chooses_and_the_other_one_measures() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build_model(make_config(), 4, (1, 8, 8))
    images = make_data().validation
    whole, halves = (
        validate(model, images, make_config(select=select, eval_batch_size=500)) for select in ("last", "best")
    )
    first, second = (ImageSet(images.images[part], images.labels[part]) for part in (slice(15), slice(15, 30)))
    assert halves["natural_accuracy"] == validate(model, second, make_config())["natural_accuracy"]
    assert SELECTION not in whole
    # Both halves have 15 images, and the attack saw all 30 of them in one batch, as without halves.
    assert (halves["pgd_accuracy"] + halves[SELECTION]) / 2 == pytest.approx(whole["pgd_accuracy"])
    assert halves[SELECTION] <= validate(model, first, make_config())["natural_accuracy"]
    odd = validate(model, images, make_config(select="best", eval_images=3))
    assert odd[SELECTION] in {0, 1}
    assert odd["pgd_accuracy"] in {0, 0.5, 1}


def test_last_is_the_default_and_reports_what_it_reported() -> None:
    trainer = Trainer(make_config(), make_data(), "cpu")
    metrics = trainer.train_epoch()
    assert make_config().select == "last"
    assert not {SELECTION, BEST_EPOCH} & metrics.keys()
    assert "best" not in trainer.state()
    assert trainer.selected_epoch == 1


def test_training_does_not_depend_on_the_selection() -> None:
    best, last = trained(), Trainer(make_config(epochs=6, learning_rate=0.2, lr_drops=[]), make_data(), "cpu")
    last.run(ignore)
    assert same_weights(best.model, last.model)


def test_the_weights_of_the_best_epoch_are_kept_beside_the_last_ones(tmp_path: Path) -> None:
    trainer = trained()
    chosen = trainer.selected_epoch
    assert chosen == trainer.history[-1][BEST_EPOCH] < 6
    until_then = Trainer(trainer.config, make_data(), "cpu")
    for _ in range(chosen):
        until_then.train_epoch()
    last = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    with trainer.selected():
        assert same_weights(trainer.model, until_then.model)
    assert all(torch.equal(value, last[name]) for name, value in trainer.model.state_dict().items())
    measured = until_then.history[-1]
    assert [trainer.history[-1][name] for name in ACCURACIES] == [measured[LAST + name] for name in ACCURACIES]
    trainer.save(tmp_path)
    config, state = read_checkpoint(tmp_path / "checkpoint.pt")
    for select, epoch in ((None, chosen), ("best", chosen), ("last", 6)):
        weights, found = selected_weights(config, state, select)
        assert found == epoch
        expected = last if select == "last" else until_then.model.state_dict()
        assert all(torch.equal(value, expected[name]) for name, value in weights.items())


def test_the_file_of_the_best_weights_is_that_of_the_same_epoch(tmp_path: Path) -> None:
    trainer = Trainer(make_config(epochs=6, select="best", learning_rate=0.2, lr_drops=[]), make_data(), "cpu")
    for _ in range(6):
        trainer.train_epoch()
        trainer.save_best(tmp_path)
    best = torch.load(tmp_path / "best.pt", weights_only=True)["state"]
    assert best["epoch"] == trainer.selected_epoch
    with trainer.selected():
        assert all(torch.equal(value, best["model"][name]) for name, value in trainer.model.state_dict().items())


def test_a_restored_trial_selects_as_if_it_had_not_been_interrupted(tmp_path: Path) -> None:
    whole = trained()
    first = Trainer(whole.config, make_data(), "cpu")
    for _ in range(4):
        first.train_epoch()
    first.save(tmp_path)
    second = Trainer(whole.config, make_data(), "cpu")
    second.restore(tmp_path)
    second.run(ignore)
    assert without_seconds(second.history) == without_seconds(whole.history)
    assert second.selected_epoch == whole.selected_epoch
    with whole.selected(), second.selected():
        assert same_weights(whole.model, second.model)


def test_epochs_without_an_evaluation_are_never_selected() -> None:
    trainer = trained(eval_every=2)
    assert [SELECTION in metrics for metrics in trainer.history] == [False, True] * 3
    assert trainer.selected_epoch % 2 == 0
    fresh = Trainer(trainer.config, make_data(), "cpu")
    fresh.train_epoch()
    assert fresh.selected_epoch == 1
    with fresh.selected():
        pass


def test_what_cannot_choose_is_refused() -> None:
    for changes, key in (({"train_on": "train_and_validation"}, "select"), ({"eval_images": 1}, "eval_images")):
        with pytest.raises(ConfigError) as caught:
            make_config(select="best", **changes)
        assert [name for name, _ in caught.value.problems] == [key]
    with pytest.raises(ConfigError) as caught:
        require_two_halves(make_config(select="best"), 1)
    assert [name for name, _ in caught.value.problems] == ["validation_fraction"]
    require_two_halves(make_config(), 1)


def test_weights_that_a_checkpoint_does_not_have_are_refused() -> None:
    config = make_config()
    whole, best = {"epoch": 3, "model": {}, "history": []}, {"epoch": 2, "model": {}}
    assert selected_weights(config, whole)[1] == selected_weights(config, whole, "last")[1] == 3
    assert selected_weights(config, best)[1] == selected_weights(config, best, "best")[1] == 2
    for state, select in ((whole, "best"), (best, "last")):
        with raises_about(CheckpointError, "--select"):
            selected_weights(config, state, select)
