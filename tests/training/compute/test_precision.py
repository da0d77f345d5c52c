import pytest
import torch
from stand_ins import make_config, make_data, words_in
from torch import Tensor, nn

from training.attacks.batch_norm_folding import FoldedBackbone
from training.compute.precision import Arithmetic, arithmetic_for, multiplies_bfloat16
from training.models import build_model
from training.trainer import Trainer

CPU = torch.device("cpu")
CONV = torch.backends.cudnn.conv  # type: ignore[attr-defined] # missing in the stubs


@pytest.mark.parametrize(("precision", "setting"), [("fp32", "ieee"), ("tf32", "tf32"), ("bf16", "tf32")])
def test_convolutions_are_as_asked_and_products_exact(precision: str, setting: str) -> None:
    """HSIC's squared distances are differences of products: TF32 would leave nothing of small ones."""
    matmul = torch.backends.cuda.matmul
    before = (matmul.fp32_precision, CONV.fp32_precision)
    with Arithmetic(precision).active():
        assert (matmul.fp32_precision, CONV.fp32_precision) == ("ieee", setting)
    assert (matmul.fp32_precision, CONV.fp32_precision) == before


def test_bfloat16_without_instructions_falls_back_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: False)
    on_cpu, on_cuda = arithmetic_for("bf16", CPU), arithmetic_for("bf16", torch.device("cuda"))
    assert (on_cpu.precision, on_cuda.precision) == ("fp32", "tf32")
    assert words_in(str(on_cpu.fallback), ("bf16", "fp32")) == ["bf16", "fp32"]
    trainer = Trainer(make_config(precision="bf16"), make_data(), "cpu")
    assert trainer.fallbacks == [on_cpu.fallback]
    assert Trainer(make_config(precision="tf32"), make_data(), "cpu").fallbacks == []


def test_bfloat16_where_there_are_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    assert multiplies_bfloat16(CPU)
    assert arithmetic_for("bf16", CPU) == Arithmetic("bf16")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_f": True})
    assert not multiplies_bfloat16(CPU)
    monkeypatch.delattr(torch.cpu, "get_capabilities")  # as in older releases
    assert not multiplies_bfloat16(CPU)


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize(("architecture", "shape"), [("cnn4", (1, 16, 16)), ("resnet18", (3, 8, 8))])
def test_a_backbone_in_bfloat16_sees_images_and_gives_features_in_float32(
    architecture: str, shape: tuple[int, int, int], *, folded: bool
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        backbone = build_model(make_config(architecture=architecture), 4, shape).eval().backbone
    coarse_backbone = Arithmetic("bf16").backbone(FoldedBackbone(backbone, torch.bfloat16) if folded else backbone)
    images = torch.rand(8, *shape, generator=torch.Generator().manual_seed(2))
    exact = backbone(images)
    inside: list[tuple[str, torch.dtype]] = []

    def note(name: str, output: Tensor) -> None:
        inside.append((name, output.dtype))

    for name, module in coarse_backbone.named_modules():
        if not list(module.children()) and module is not coarse_backbone:
            module.register_forward_hook(lambda _, __, output, name=name: note(name, output))
    first = next(m for m in coarse_backbone.modules() if isinstance(m, nn.Conv2d) or hasattr(m, "_convolve"))
    entering: list[torch.dtype] = []
    first.register_forward_pre_hook(lambda _, inputs: entering.append(inputs[0].dtype))
    coarse = coarse_backbone(images)
    assert entering[-1] == torch.float32
    assert [name for name, dtype in inside if dtype != torch.bfloat16] == []
    assert coarse.dtype == torch.float32
    assert not torch.equal(coarse, exact)
    torch.testing.assert_close(coarse, exact, rtol=0, atol=0.03 * exact.abs().max().item())
    assert Arithmetic("fp32").backbone(backbone) is backbone


def test_weights_are_trained_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    trainer = Trainer(make_config(precision="bf16"), make_data(), "cpu")
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.train_epoch()
    after = trainer.model.state_dict()
    assert {value.dtype for value in after.values() if value.is_floating_point()} == {torch.float32}
    assert not torch.equal(before["backbone.0.weight"], after["backbone.0.weight"])
