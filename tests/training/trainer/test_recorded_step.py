"""Steps that are replayed as a whole, without a GPU: a replay takes the recorded step on the recording's buffers."""

import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from plug_ins import plug_ins
from stand_ins import ignore, make_config, make_data, same_weights, without_seconds
from torch import Tensor

from training.compute.cuda_recorder import RecordingError, Run
from training.trainer import Trainer
from training.trainer.recorded_step import RecordedStep, recording_obstacle
from training.trainer.step_state import StepState, moved_alike


class Recorder:
    """As a graph does, a replay reads what its buffers hold then, and leaves its result in one place."""

    def __init__(self) -> None:
        self.recorded = self.replayed = 0

    def warm_up(self, run: Run) -> Tensor:
        return run()

    def __call__(self, run: Run) -> Run:
        self.recorded += 1
        place: list[Tensor] = []

        def replay() -> Tensor:
            self.replayed += 1
            found = run()
            place[:] = place or [found]
            return place[0].copy_(found)

        return replay


class Repeating(Recorder):
    """A generator that the graph does not know: every replay draws the same numbers."""

    generator = torch.Generator()

    def __call__(self, run: Run) -> Run:
        def replay() -> Tensor:
            state = self.generator.get_state()
            found = run()
            self.generator.set_state(state)
            return found

        return replay


def trained(recorder: Any, *, until: int = 2, **changes: Any) -> Trainer:
    config = make_config(precision="fp32", **changes)
    trainer = Trainer(config, make_data(side=16), "cpu")
    trainer._recorded = None if recorder is None else RecordedStep(recorder)
    if isinstance(recorder, Repeating):
        recorder.generator = trainer._streams.generator
    for _ in range(until):
        trainer.train_epoch()
    return trainer


CHANGES: list[dict[str, Any]] = [
    {},
    {"optimiser": "adam", "augmentation": "crop_flip"},
    {"architecture": "cnn4"},
    {"objective": "trades", "attack_start": "gaussian", "momentum": 0.0},
    {"objective": "mart", "attack_latent": "sample"},
    {"objective": "mma", "max_margin": 0.2, "smallest_margin": 0.05},
    {"objective": "natural"},
    {"views": [0, 0.5, 1], "lr_drops": [0.3], "lr_drop_factor": 0.1, "hsic_normalisation": "cka"},
]


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_replayed_steps_are_to_the_last_bit_those_computed_one_by_one(changes: dict[str, Any]) -> None:
    recorder = Recorder()
    replayed, computed = trained(recorder, **changes), trained(None, **changes)
    assert without_seconds(replayed.history) == without_seconds(computed.history)
    assert same_weights(replayed.model, computed.model)
    assert recorder.recorded == 1
    assert recorder.replayed == 2 * (replayed.steps - 1), "all but the last step of each epoch"
    assert replayed.fallbacks == []
    (group,) = replayed._optimiser.state_dict()["param_groups"]
    (expected,) = computed._optimiser.state_dict()["param_groups"]
    assert group == expected


def test_a_resumed_trial_continues_to_the_last_bit(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"architecture": "cnn4", "augmentation": "crop_flip", "epochs": 4}
    whole = trained(Recorder(), until=4, **changes)
    trained(Recorder(), until=1, **changes).save(tmp_path)
    recorder = Recorder()
    continued = trained(recorder, until=1, **changes)
    continued.restore(tmp_path)
    continued.run(ignore)
    assert recorder.recorded == 2, "the optimiser's loaded state lies elsewhere in memory"
    assert without_seconds(continued.history) == without_seconds(whole.history)
    assert same_weights(continued.model, whole.model)


def refused(run: Run) -> Run:
    del run
    raise RecordingError("operation not permitted when stream is capturing")


def out_of_memory(run: Run) -> Run:
    """After Python has run the step."""
    run()
    raise torch.OutOfMemoryError("CUDA out of memory")


def empty(run: Run) -> Run:
    """Nothing was recorded."""
    del run
    return lambda: torch.zeros(5)


class Failing(Recorder):
    def __init__(self, record: Callable[[Run], Run]) -> None:
        super().__init__()
        self._record = record

    def __call__(self, run: Run) -> Run:
        return self._record(run)


class NotWarm(Recorder):
    def warm_up(self, run: Run) -> Tensor:
        del run
        raise RecordingError("forbidden")


@pytest.mark.parametrize("recorder", [Failing(refused), Failing(out_of_memory), Failing(empty), Repeating(), NotWarm()])
@pytest.mark.parametrize("changes", [{}, {"objective": "mma"}, {"architecture": "cnn4", "optimiser": "adam"}], ids=str)
def test_what_cannot_be_recorded_is_computed_and_said_once(recorder: Any, changes: dict[str, Any]) -> None:
    found, computed = trained(recorder, **changes), trained(None, **changes)
    assert without_seconds(found.history) == without_seconds(computed.history)
    assert same_weights(found.model, computed.model)
    assert len(found.fallbacks) == 1


def test_a_network_that_cannot_be_copied_is_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.attacks.attacked_network.copy_fault", lambda *_, **__: "its code depends on values")
    recorder = Recorder()
    assert len(trained(recorder).fallbacks) == 2
    assert recorder.recorded == 0


@pytest.mark.parametrize(
    ("changes", "kind", "processes", "may"),
    [
        ({}, "cuda", 1, True),
        ({}, "cpu", 1, False),
        ({}, "cuda", 2, False),
        ({"compile": "off"}, "cuda", 1, False),
    ],
)
def test_what_may_be_recorded(changes: dict[str, Any], kind: str, processes: int, may: bool) -> None:
    assert (recording_obstacle(make_config(**changes), kind=kind, processes=processes) is None) is may


def test_code_from_outside_is_not_recorded(tmp_path: Path) -> None:
    code = "def bright(images): return (images + 0.1).clamp(0, 1)"
    with plug_ins(tmp_path, {"own_augmentation.py": code}):
        config = make_config(augmentation="own_augmentation:bright")
        assert recording_obstacle(config, kind="cuda", processes=1) is not None


@pytest.mark.parametrize(("estimator", "may"), [("hsic", True), ("mine", False), ("mige", False)])
def test_an_estimator_that_needs_the_host_or_learns_forbids_it(estimator: str, may: bool) -> None:
    trainer = Trainer(make_config(information_estimator=estimator), make_data(), "cpu")
    assert (trainer._objective.unrecorded is None) is may
    without = make_config(information_estimator=estimator, terms=["adversarial_cross_entropy"])
    assert Trainer(without, make_data(), "cpu")._objective.unrecorded is None


def test_a_state_is_put_back_in_place() -> None:
    trainer = trained(None, until=1, objective="mma", optimiser="adam")
    state = StepState(trainer.model, trainer._optimiser, trainer._objective, trainer._streams.generator)
    places = {name: tensor.data_ptr() for name, tensor in state._present().items()}
    weights, drawn = trainer.model.state_dict(), state.drawn()
    expected = {name: tensor.clone() for name, tensor in weights.items()}
    trainer.train_epoch()
    assert not moved_alike(state.before, state.copies(), state.before, tolerance=0.5)
    state.put_back()
    assert {name: tensor.data_ptr() for name, tensor in state._present().items()} == places
    assert all(torch.equal(tensor, expected[name]) for name, tensor in weights.items())
    assert all(map(torch.equal, state.drawn(), drawn))
    assert moved_alike(state.before, state.copies(), state.before, tolerance=0.0)


def test_a_trainer_with_a_recording_is_freed_at_once() -> None:
    """CUDA's memory waits for no garbage collection."""

    class Forgetful(Recorder):
        def __call__(self, run: Run) -> Run:
            # A graph holds no Python.
            result = run().clone()
            return lambda: result

    trainer = Trainer(make_config(precision="fp32"), make_data(), "cpu")
    trainer._recorded = RecordedStep(Forgetful())
    trainer._train_steps(None)
    alive = weakref.ref(trainer.model)
    enabled = gc.isenabled()
    gc.disable()
    try:
        del trainer
        assert alive() is None
    finally:
        if enabled:
            gc.enable()
