import pytest
import torch
from stand_ins import make_config, make_data
from torch import Tensor, nn

from training import arithmetic
from training.arithmetic import Arithmetic, arithmetic_for, multiplies_bfloat16
from training.models import build_model
from training.trainer import Trainer

CPU = torch.device("cpu")
CONV = torch.backends.cudnn.conv  # type: ignore[attr-defined] # missing in the stubs


@pytest.mark.parametrize(("precision", "setting"), [("fp32", "ieee"), ("tf32", "tf32"), ("bf16", "tf32")])
def test_float32_products_are_as_asked_and_afterwards_as_before(precision: str, setting: str) -> None:
    matmul = torch.backends.cuda.matmul
    before = (matmul.fp32_precision, CONV.fp32_precision)
    with Arithmetic(precision).active():
        assert (matmul.fp32_precision, CONV.fp32_precision) == (setting, setting)
    assert (matmul.fp32_precision, CONV.fp32_precision) == before


def test_bfloat16_without_instructions_falls_back_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(arithmetic, "multiplies_bfloat16", lambda _: False)
    on_cpu, on_cuda = arithmetic_for("bf16", CPU), arithmetic_for("bf16", torch.device("cuda"))
    assert (on_cpu.precision, on_cuda.precision) == ("fp32", "tf32")
    assert on_cpu.fallback == "precision is bf16, which this cpu has no instructions for: fp32 in its place"
    assert on_cpu.fallback in caplog.text
    trainer = Trainer(make_config(precision="bf16"), make_data(), "cpu")
    assert trainer.fallbacks == [on_cpu.fallback]
    assert Trainer(make_config(precision="tf32"), make_data(), "cpu").fallbacks == []


def test_bfloat16_where_there_are_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    assert multiplies_bfloat16(CPU)
    assert arithmetic_for("bf16", CPU) == Arithmetic("bf16")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_f": True})
    assert not multiplies_bfloat16(CPU)


def test_a_backbone_in_bfloat16_sees_images_and_gives_features_in_float32() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = build_model(make_config(architecture="cnn4"), 4, (1, 16, 16)).eval()
    seen: dict[str, torch.dtype] = {}

    def note(name: str) -> object:
        def hook(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
            del module, inputs
            seen[name] = output.dtype

        return hook

    for name in ("0", "2", "6"):
        model.backbone.get_submodule(name).register_forward_hook(note(name))  # type: ignore[arg-type]
    images = torch.rand(8, 1, 16, 16, generator=torch.Generator().manual_seed(2))
    exact, coarse = model.backbone(images), Arithmetic("bf16").backbone(model.backbone)(images)
    assert seen["0"] == torch.float32
    assert seen["2"] == torch.bfloat16
    assert coarse.dtype == torch.float32
    assert not torch.equal(coarse, exact)
    torch.testing.assert_close(coarse, exact, rtol=0, atol=0.02 * exact.abs().max().item())
    assert Arithmetic("fp32").backbone(model.backbone) is model.backbone


def test_weights_are_trained_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "multiplies_bfloat16", lambda _: True)
    trainer = Trainer(make_config(precision="bf16"), make_data(), "cpu")
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.train_epoch()
    after = trainer.model.state_dict()
    assert {value.dtype for value in after.values() if value.is_floating_point()} == {torch.float32}
    assert not torch.equal(before["backbone.0.weight"], after["backbone.0.weight"])
