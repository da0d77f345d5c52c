import re
from dataclasses import replace
from pathlib import Path

import pytest
from raises_about import raises_about
from stand_ins import words_in

from training.config import TrialConfig, parse_trial
from training.config.preset_files import PRESETS, UnknownPresetError, find_config, preset_names, with_preset
from training.losses.lambda_ramp import LambdaRamp
from training.trainer.schedules import learning_rate_at
from training.yaml_text import read_yaml

METHODS = ("shared_information", "standard", "trades", "mart", "mma", "mma_simplified")


def read(name: str) -> TrialConfig:
    return parse_trial(read_yaml(find_config(name)))


def ramp_of(config: TrialConfig) -> LambdaRamp:
    return LambdaRamp(*(config.knobs[key] for key in ("lam_start", "lam", "ramp_start", "ramp_end")))


def rates(config: TrialConfig, *epochs: int) -> list[float]:
    """Return the learning rate after so many finished epochs."""
    return [learning_rate_at(config, epoch / config.epochs) for epoch in epochs]


def test_there_is_a_preset_for_every_method_and_data_set() -> None:
    expected = {f"{data}_{method}" for data in ("mnist", "cifar10", "cifar100") for method in METHODS}
    wide = {f"cifar10_{method}_wrn" for method in METHODS[:4]}
    stopped = {f"cifar10_{method}_stopped" for method in METHODS[:5]}
    others = {"cifar10_trades_official", "cifar10_mart_official", "cifar10_natural"}
    others |= {"cifar10_standard_l2", "cifar10_shared_information_l2"}
    assert set(preset_names()) == expected | wide | stopped | others


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_is_what_its_name_says(name: str) -> None:
    config = read(name)
    data, _, method = re.sub("_(official|wrn|stopped|l2)$", "", name).partition("_")
    assert (config.dataset, config.objective) == (data, method)
    assert (config.bottleneck > 0) == (method == "shared_information")
    assert config.batch_size == 128
    in_l2 = name.endswith("_l2")
    assert config.norm == ("l2" if in_l2 else "linf")
    assert config.epsilon == (0.3 if data == "mnist" else 128 / 255 if in_l2 else 0.031)
    assert f"--config {name} " in find_config(name).read_text()


def test_table_3() -> None:
    assert rates(read("mnist_trades"), 54, 55, 75, 90) == pytest.approx([1e-2, 1e-3, 1e-4, 1e-5])
    assert rates(read("mnist_mart"), 19, 20, 40) == pytest.approx([1e-2, 1e-3, 1e-4])
    for mma in ("mma", "mma_simplified"):
        assert rates(read(f"mnist_{mma}"), 0, 49) == [1e-4, 1e-4]
        assert read(f"mnist_{mma}").optimiser == "adam"
        assert rates(read(f"cifar10_{mma}"), 74, 75, 89, 90, 119) == [0.3, 0.09, 0.09, 0.003, 0.003]
    assert [read(f"{data}_mma").knobs["max_margin"] for data in ("mnist", "cifar10", "cifar100")] == [
        0.45,
        12 / 255,
        12 / 255,
    ]
    assert rates(read("cifar10_shared_information"), 74, 75, 90, 100) == pytest.approx([1e-1, 1e-2, 1e-3, 1e-4])
    assert rates(read("cifar10_trades_official"), 73, 74) == pytest.approx([1e-1, 1e-2])
    assert [read(f"cifar10_{method}").weight_decay for method in METHODS] == [5e-4, 5e-4, 2e-4, 3.5e-4, 2e-4, 2e-4]
    assert [read(f"{data}_shared_information").knobs["lam"] for data in ("mnist", "cifar10", "cifar100")] == [4, 4, 6]
    assert [read(f"{data}_trades").attack_steps for data in ("mnist", "cifar10", "cifar100")] == [40, 10, 20]


def test_table_5_has_a_preset_for_each_row() -> None:
    for method in METHODS[:4]:
        small, wide, hundred = (
            read(f"{name}_{method}{end}") for name, end in (("cifar10", ""), ("cifar10", "_wrn"), ("cifar100", ""))
        )
        same = replace(small, architecture="wrn34_10", bottleneck=wide.bottleneck, knobs=wide.knobs)
        assert wide == same
        assert (wide.bottleneck, wide.architecture) == (hundred.bottleneck, hundred.architecture)
    assert read("cifar10_mart_wrn").knobs["lam"] == 6


@pytest.mark.parametrize(
    ("method", "epochs"), [("standard", 76), ("trades", 76), ("mma", 76), ("mart", 91), ("shared_information", 101)]
)
def test_table_11_is_the_beginning_of_table_3(method: str, epochs: int) -> None:
    whole, stopped = read(f"cifar10_{method}"), read(f"cifar10_{method}_stopped")
    assert stopped.epochs == epochs
    assert rates(stopped, *range(epochs)) == pytest.approx(rates(whole, *range(epochs)))
    left_out = {"epochs", "lr_drops", "lr_after_drops", "ramp_start", "ramp_end"}
    plain = [{k: v for k, v in config.to_mapping().items() if k not in left_out} for config in (whole, stopped)]
    assert plain[0] == plain[1]
    for epoch in range(epochs if method == "shared_information" else 0):
        assert ramp_of(stopped)(epoch / epochs) == pytest.approx(ramp_of(whole)(epoch / 120))


def test_lambda_rises_from_epoch_10_on_over_90_epochs_on_every_data_set() -> None:
    for data in ("mnist", "cifar10", "cifar100"):
        config = read(f"{data}_shared_information")
        first, last = (round(config.epochs * config.knobs[key]) for key in ("ramp_start", "ramp_end"))
        assert (first, last) == (10, 100)


def test_the_preset_of_the_papers_method_is_the_default() -> None:
    assert read("cifar10_shared_information") == parse_trial({})


def test_a_file_or_a_path_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mnist_mart").write_text("a file goes before a preset")
    assert find_config("mnist_mart") == Path("mnist_mart")
    assert find_config("absent.yaml") == Path("absent.yaml")
    assert find_config("absent/mnist_trades") == Path("absent/mnist_trades")
    assert find_config("mnist_trades") == PRESETS / "mnist_trades.yaml"


def test_an_unknown_name_lists_the_known_ones() -> None:
    with raises_about(UnknownPresetError, "mnist_trade") as caught:
        find_config("mnist_trade")
    assert words_in(str(caught.value), preset_names()) == ["mnist_trades", *preset_names()]


def test_a_configuration_is_built_on_a_preset() -> None:
    values = with_preset({"preset": "mnist_mart", "epochs": 3, "lambda": 5})
    config = parse_trial(values)
    assert config == replace(read("mnist_mart"), epochs=3, knobs={"lam": 5.0})
    assert with_preset({"epochs": 3}) == {"epochs": 3}


@pytest.mark.parametrize("name", ["mnist_marta", None, 3, ["mnist_mart"]])
def test_an_unknown_preset_is_answered_with_the_known_ones(name: object) -> None:
    with raises_about(UnknownPresetError, str(name)) as caught:
        with_preset({"preset": name})
    assert words_in(str(caught.value), preset_names())[-len(preset_names()) :] == preset_names()
