import pytest
import torch
from stand_ins import make_config, make_data, words_in
from torch import Tensor, nn

from training.attacks.batch_norm_folding import FoldedBackbone
from training.compute.precision import Arithmetic, arithmetic_for
from training.models import build_model
from training.trainer import Trainer

CPU = torch.device("cpu")
CONV = torch.backends.cudnn.conv  # type: ignore[attr-defined] # missing in the stubs


@pytest.mark.parametrize(
    ("precision", "setting"), [("fp32", "ieee"), ("fp16", "ieee"), ("tf32", "tf32"), ("bf16", "tf32")]
)
def test_convolutions_are_as_asked_and_products_exact(precision: str, setting: str) -> None:
    """HSIC's squared distances are differences of products: TF32 would leave nothing of small ones."""
    matmul = torch.backends.cuda.matmul
    before = (matmul.fp32_precision, CONV.fp32_precision)
    with Arithmetic(precision).active():
        assert (matmul.fp32_precision, CONV.fp32_precision) == ("ieee", setting)
    assert (matmul.fp32_precision, CONV.fp32_precision) == before


def test_bfloat16_without_instructions_falls_back_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    on_cpu = arithmetic_for("bf16", CPU)
    assert on_cpu.precision == "fp32"
    assert words_in(str(on_cpu.fallback), ("bf16", "fp32")) == ["bf16", "fp32"]
    trainer = Trainer(make_config(precision="bf16"), make_data(), "cpu")
    assert trainer.fallbacks == [on_cpu.fallback]
    assert Trainer(make_config(precision="tf32"), make_data(), "cpu").fallbacks == []


def test_bfloat16_where_there_are_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    assert arithmetic_for("bf16", CPU) == Arithmetic("bf16")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_f": True})
    assert arithmetic_for("bf16", CPU).precision == "fp32"
    monkeypatch.delattr(torch.cpu, "get_capabilities")  # as in older releases
    assert arithmetic_for("bf16", CPU).precision == "fp32"


@pytest.mark.parametrize(
    ("capability", "asked", "found", "words"),
    [
        ((9, 0), "bf16", "bf16", []),
        ((8, 0), "tf32", "tf32", []),
        ((8, 0), "fp32", "fp32", []),
        ((8, 0), "fp16", "fp16", []),
        ((7, 5), "tf32", "fp32", ["tf32", "fp32", "fp16"]),
        ((7, 0), "bf16", "fp32", ["bf16", "fp32", "fp16"]),
        ((7, 5), "fp16", "fp16", []),
        ((6, 1), "fp16", "fp32", ["fp16", "fp32"]),
        ((6, 1), "tf32", "fp32", ["tf32", "fp32"]),
    ],
)
def test_each_gpu_computes_what_it_has_and_says_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], asked: str, found: str, words: list[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    arithmetic = arithmetic_for(asked, torch.device("cuda"))
    assert (arithmetic.precision, arithmetic.choice) == (found, None)
    assert arithmetic.tensor_cores is (found in {"tf32", "bf16"}), "channels last only where tensor cores compute"
    assert words_in(arithmetic.fallback or "", ("bf16", "tf32", "fp16", "fp32")) == words


@pytest.mark.parametrize(
    ("capability", "words"),
    [((9, 0), ["tf32", "bf16"]), ((7, 5), ["fp32", "fp16"]), ((6, 1), ["fp32"]), (None, ["fp32"])],
)
def test_auto_is_careful_and_says_what_it_chose(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int] | None, words: list[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    arithmetic = arithmetic_for("auto", torch.device("cpu" if capability is None else "cuda"))
    assert arithmetic.precision == words[0]
    assert arithmetic.fallback is None
    assert words_in(str(arithmetic.choice), ("bf16", "tf32", "fp16", "fp32")) == words


def test_the_gradients_of_float16_have_the_signs_of_float32_however_small_they_are() -> None:
    """An image that is classified with certainty has a gradient far below what float16 can hold."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        backbone = build_model(make_config(), 4, (1, 8, 8)).eval().requires_grad_(requires_grad=False).backbone
    images = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(2))

    def signs(network: nn.Module, factor: float) -> Tensor:
        leaf = images.clone().requires_grad_()
        factors = torch.full((8, 1), factor)
        factors[::2] = 1.0
        (gradient,) = torch.autograd.grad((factors * network(leaf)).sum(), leaf)
        return gradient.sign()

    scaled, exact = Arithmetic("fp16").attacked(backbone), signs(backbone, 1.0)
    for factor in (1.0, 1e-20, 1e20):
        assert (signs(scaled, factor) == exact).double().mean().item() > 0.99


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
