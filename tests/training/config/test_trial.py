from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stand_ins import make_config

from training.config import ConfigError, TrialConfig, field_problems, parse_trial
from training.losses.information.hsic import NORMALISATIONS
from training.losses.shared_information import TERMS
from training.registry import ESTIMATORS, OBJECTIVES
from training.yaml_text import format_yaml, parse_yaml


@given(st.permutations(TERMS), st.integers(1, 3))
def test_the_order_and_the_form_of_terms_do_not_matter(names: list[str], count: int) -> None:
    chosen = names[:count]
    if "adversarial_cross_entropy" not in chosen:
        chosen = [*chosen, "adversarial_cross_entropy"]
    listed, joined = make_config(terms=chosen), make_config(terms="+".join(chosen))
    assert listed == joined
    assert listed.knobs["terms"] == tuple(name for name in TERMS if name in chosen)
    assert parse_trial(listed.to_mapping()) == listed


@pytest.mark.parametrize(("text", "expected"), [("off", "off"), ("'off'", "off"), ("auto", "auto")])
def test_off_needs_no_quotes(text: str, expected: str) -> None:
    config = parse_trial(parse_yaml(f"compile: {text}"))
    assert config.compile == expected
    assert parse_trial(parse_yaml(format_yaml(config.to_mapping()))) == config


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("data_root", ["", None, 1, "a\0b", "caf\udce9"]),
        ("compile", [True, "on", 0, None]),
        ("terms", [[], "", ["hsic"], ["symmetric_kl", "symmetric_kl"], None, 3, [1]]),
        ("views", [[], [0], [1], [0, 0.5], [0.5, 1], [0, 1, 0.5], [0, 0.5, 0.5, 1], [0, 2], "01"]),
        ("rungs", [[2, 2], [3, 2], [0, 1], "12"]),
    ],
)
def test_values_that_break_the_rule_of_their_key_are_refused(key: str, values: list[object]) -> None:
    knobs = {**OBJECTIVES["shared_information"].knobs, **ESTIMATORS["hsic"].knobs}
    rule = {**{field.name: field for field in fields(TrialConfig)}, **knobs}[key].metadata["rule"]
    for value in values:
        with pytest.raises(ConfigError) as caught:
            make_config(**{key: value})
        ((found, message),) = caught.value.problems
        assert found == key
        assert repr(value) in message
        assert rule.description in message


@pytest.mark.parametrize(
    ("changes", "key", "other"),
    [
        ({"bottleneck": 0}, "regularise", "bottleneck"),
        ({"bottleneck": 0, "attack_latent": "sample", "objective": "mart"}, "attack_latent", "bottleneck"),
        ({"objective": "standard", "forward": "joint"}, "forward", "standard"),
        ({"objective": "natural", "forward": "joint"}, "forward", "natural"),
        ({"objective": "mma", "lam": 9}, "lambda", "mma"),
        ({"objective": "trades", "alpha": 0.4}, "alpha", "trades"),
        ({"objective": "trades", "ramp_end": 0.4}, "ramp_end", "trades"),
        ({"terms": "natural_cross_entropy"}, "terms", "natural"),
        ({"terms": ["symmetric_kl", "information"]}, "terms", "alpha"),
        ({"terms": ["natural_cross_entropy"], "alpha": 1}, "terms", "alpha"),
        ({"terms": ["adversarial_cross_entropy"], "alpha": 0}, "terms", "alpha"),
        ({"hsic_neighbours": 16}, "hsic_neighbours", "batch_size"),
        ({"hsic_normalisation": "unbiased", "batch_size": 3, "hsic_neighbours": 1}, "hsic_normalisation", "batch_size"),
        ({"lr_after_drops": [0.1]}, "lr_after_drops", "lr_drops"),
        ({"objective": "trades", "terms": "symmetric_kl"}, "terms", "trades"),
        ({"objective": "mart", "regularise": "output"}, "regularise", "mart"),
        ({"objective": "standard", "hsic_normalisation": "cka"}, "hsic_normalisation", "standard"),
        ({"objective": "trades", "hsic_width": "first_columns"}, "hsic_width", "trades"),
        ({"objective": "trades", "views": [0, 0.5, 1]}, "views", "trades"),
        ({"objective": "mart", "information_estimator": "mine"}, "information_estimator", "mart"),
        ({"max_margin": 0.1}, "max_margin", "mma"),
        ({"objective": "mma", "max_margin": 0.001}, "smallest_margin", "max_margin"),
        ({"information_estimator": "mine", "views": [0, 0.5, 1]}, "views", "mige"),
        ({"information_estimator": "mige", "hsic_width": "first_columns"}, "hsic_width", "mige"),
        ({"objective": "trades", "hsic_neighbours": 10}, "hsic_neighbours", "trades"),
        ({"rungs": [2]}, "rungs", "eval_every"),
        ({"eval_early_attack_steps": 3}, "eval_early_attack_steps", "eval_attack_steps = 3"),
        ({"eval_early_attack_steps": 4}, "eval_early_attack_steps", "eval_attack_steps = 3"),
        ({"eval_early_attack_steps": 2, "select": "best"}, "select", "eval_early_attack_steps = 2"),
        ({"rungs": [2, 4], "eval_every": 2}, "rungs", "epochs"),
        ({"rungs": [2], "eval_every": 2, "stop_after": 2}, "rungs", "stop_after"),
        ({"stop_after": 5}, "stop_after", "epochs"),
    ],
)
def test_combinations_without_sense_are_refused(changes: dict[str, Any], key: str, other: str) -> None:
    """`other` is what the key does not go with, or what suits the configuration better."""
    with pytest.raises(ConfigError) as caught:
        make_config(**changes)
    ((found, message),) = caught.value.problems
    assert found == key
    assert other in message


def test_combinations_with_sense_are_accepted() -> None:
    make_config(bottleneck=0, regularise="output")
    make_config(bottleneck=0, terms="natural_cross_entropy+adversarial_cross_entropy")
    make_config(objective="trades", lam=9)
    make_config(terms="adversarial_cross_entropy+symmetric_kl", hsic_neighbours=99)
    for objective in OBJECTIVES:
        if objective == "shared_information":
            continue
        assert make_config(objective=objective, bottleneck=0).objective == objective
    for normalisation in NORMALISATIONS:
        assert make_config(hsic_normalisation=normalisation).knobs["hsic_normalisation"] == normalisation


L2_SIZES = {"epsilon": "128/255", "attack_step_size": "15/255", "eval_attack_step_size": "16/255"}


def test_in_l2_every_distance_needs_a_value_of_its_own() -> None:
    config = parse_trial({"norm": "l2", **L2_SIZES})
    assert (config.norm, config.epsilon) == ("l2", 128 / 255)
    assert parse_trial(config.to_mapping()) == config
    with pytest.raises(ConfigError) as caught:
        parse_trial({"norm": "l2"})
    assert {key for key, _ in caught.value.problems} == set(L2_SIZES)
    with pytest.raises(ConfigError) as caught:
        parse_trial({"norm": "l2", **L2_SIZES, "objective": "mma", "bottleneck": 0})
    assert {key for key, _ in caught.value.problems} == {"max_margin", "smallest_margin"}


@pytest.mark.parametrize("key", ["epsilon", "max_margin", "smallest_margin"])
def test_a_radius_is_at_most_1_in_l_infinity_and_any_number_in_l2(key: str) -> None:
    mma = {"objective": "mma", "bottleneck": 0, "max_margin": 4, "smallest_margin": 3}
    assert make_config(norm="l2", **{**mma, "epsilon": 2}).values[key] > 1
    rest = {"max_margin": 1, "smallest_margin": 0.1} if key != "max_margin" else {"smallest_margin": 0.1}
    with pytest.raises(ConfigError) as caught:
        make_config(**{**mma, **rest, key: 1.5})
    assert key in {found for found, _ in caught.value.problems}
    assert (key in {found for found, _ in field_problems({key: 1.5})}) is True
    assert not field_problems({key: 1.5, "norm": "l2"})
