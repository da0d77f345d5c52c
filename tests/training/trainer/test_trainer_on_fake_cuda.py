"""Steps and evaluations of every objective and architecture on a GPU without values: no wait, no second device."""

from typing import Any

import pytest
import torch
from fake_cuda import CaptureRules, RuleRecorder, RuleStepRecorder, fake_cuda
from stand_ins import make_config, make_data

from training.attacks.attack_losses import cross_entropy_of, margin_of
from training.attacks.cuda_graph import CapturedAscent
from training.compute.parallel import ALONE
from training.registry import ARCHITECTURES, OBJECTIVES
from training.trainer import Trainer
from training.trainer.recorded_step import RecordedStep
from training.trainer.step_parts import build_validation_attack
from training.trainer.validation import ValidationBatches

SLOW = {"resnet50", "wrn34_10"}
NETWORKS: list[Any] = [
    pytest.param({"architecture": name}, marks=[pytest.mark.slow] if name in SLOW else [])
    for name in ARCHITECTURES
    if ARCHITECTURES[name].is_own
]
# Mma and natural record nothing: one has a radius for each image, the other attacks nothing.
UNRECORDED = {"mma", "natural"}
RECORDED: list[Any] = [*[{"objective": name} for name in OBJECTIVES if name not in UNRECORDED], *NETWORKS]
MORE_STEPS: list[dict[str, Any]] = [
    {"augmentation": "crop_flip", "optimiser": "adam"},
    {"attack_latent": "sample", "forward": "joint"},
    {"hsic_normalisation": "unbiased", "views": [0, 0.5, 1]},
]
STEPS: list[Any] = [
    *[{"objective": name} for name in OBJECTIVES],
    *NETWORKS,
    {"information_estimator": "mine"},
    {"information_estimator": "mige", "views": [0, 0.5, 1]},
    {"attack_latent": "sample"},
    {"forward": "joint", "regularise": "output", "bottleneck": 0},
    {"augmentation": "crop_flip", "optimiser": "adam"},
    {"compile": "off"},
]


def side_for(changes: dict[str, Any]) -> int:
    return 32 if "architecture" in changes else 8


@pytest.mark.parametrize(("precision", "capability"), [("bf16", (9, 0)), ("tf32", (8, 0)), ("fp16", (7, 5))])
@pytest.mark.parametrize("changes", STEPS, ids=str)
def test_two_steps_wait_for_nothing_and_stay_on_the_device(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], precision: str, capability: tuple[int, int]
) -> None:
    if "architecture" in changes and precision != "bf16":
        pytest.skip("one precision for each architecture")
    config = make_config(precision=precision, **changes)
    data = make_data(side=side_for(changes), train=32)
    with fake_cuda(monkeypatch, capability):
        trainer = Trainer(config, data, "cuda")
        recorder = RuleRecorder()
        captured = trainer._attack._captured
        if config.compile == "auto":  # trying the copy needs values
            trainer._attack._network.fold(fused=True)
        if captured is not None:
            trainer._attack._captured = CapturedAscent(recorder)
        steps = RuleStepRecorder(trainer._streams.generator)
        whole = trainer._recorded is not None
        if whole:
            trainer._recorded = RecordedStep(steps)
        losses, _ = trainer._train_steps(None)
        assert bool(steps.operations) is whole is (config.compile == "auto" and "estimator" not in str(changes))
        is_recorded = captured is not None and changes.get("objective") not in UNRECORDED
        assert bool(recorder.operations) is is_recorded
        assert losses["total"].shape == (2,)
        assert {parameter.device.type for parameter in trainer.model.parameters()} == {"cuda"}
        if trainer._attack._recorder is not None:
            vars(trainer._attack)["_recorder"] = recorder
        parts = (config, trainer.model, trainer._attack, trainer._arithmetic, trainer.device)
        one_batch = trainer._data.validation.subset(torch.arange(13))
        trainer.validation_attack = build_validation_attack(*parts)
        batches = ValidationBatches(trainer.model, one_batch, config, ALONE, trainer.validation_attack)
        found = [batches.predictions(), batches.attacked(margin_of)[0], *batches.attacked(cross_entropy_of)]
        assert {each.device.type for each in found if each is not None} == {"cuda"}
        told = (captured is not None or trainer._attack._recorder is not None) + whole
        assert len(trainer.fallbacks) == told, "each once"
    assert all(count > 0 for count in recorder.operations)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: x.sum().item(),
        lambda x: x.nonzero(),
        lambda x: x[x > 0],
        torch.rand_like,
        lambda x: x.cpu(),
        lambda x: x + torch.arange(3.0).to(x.device),
    ],
)
def test_the_rules_find_what_no_graph_may_hold(monkeypatch: pytest.MonkeyPatch, wrong: Any) -> None:
    with fake_cuda(monkeypatch, (9, 0)):
        x = torch.ones(3, device="cuda")
        with CaptureRules():
            (x * 2).sign().clamp(0, 1)
        with pytest.raises(Exception, match=r"in a recording|DataDependent|Dynamic"), CaptureRules():
            wrong(x)


@pytest.mark.parametrize("changes", RECORDED, ids=str)
def test_forward_and_backward_passes_of_the_attacks_keep_the_rules(changes: dict[str, Any]) -> None:
    """On a CPU with real values: a backward pass has operations of its own."""
    side = side_for(changes)
    trainer = Trainer(make_config(precision="fp32", attack_steps=1, **changes), make_data(side=side, train=16), "cpu")
    recorder = RuleRecorder()
    trainer._attack._captured = CapturedAscent(recorder)
    with trainer._computing():
        trainer._objective.terms(trainer._batch(torch.arange(16)), trainer._attack, trainer._forward_pass)
    assert all(count > 0 for count in recorder.operations)
    assert recorder.operations


@pytest.mark.parametrize("changes", [*RECORDED, {"objective": "mma"}, {"objective": "natural"}, *MORE_STEPS], ids=str)
def test_whole_steps_keep_the_rules_with_their_backward_passes_and_updates(changes: dict[str, Any]) -> None:
    side = side_for(changes)
    config = make_config(precision="fp32", attack_steps=1, **changes)
    trainer = Trainer(config, make_data(side=side, train=32), "cpu")
    recorder = RuleStepRecorder(trainer._streams.generator)
    trainer._recorded = RecordedStep(recorder)
    with trainer._computing():
        trainer._train_steps(None)
    assert recorder.operations
    assert all(count > 0 for count in recorder.operations)
