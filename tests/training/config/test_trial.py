from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from stand_ins import make_config

from training.config import HSIC_NORMALISATIONS, OBJECTIVES, TERMS, ConfigError, parse_trial


@given(st.permutations(TERMS), st.integers(1, 3))
def test_the_order_and_the_form_of_terms_do_not_matter(names: list[str], count: int) -> None:
    chosen = names[:count]
    if "adversarial_cross_entropy" not in chosen:
        chosen = [*chosen, "adversarial_cross_entropy"]
    listed, joined = make_config(terms=chosen), make_config(terms="+".join(chosen))
    assert listed == joined
    assert listed.terms == tuple(name for name in TERMS if name in chosen)
    assert parse_trial(listed.to_mapping()) == listed


@pytest.mark.parametrize(("text", "expected"), [("off", "off"), ("'off'", "off"), ("auto", "auto"), ("no", "off")])
def test_off_may_be_written_as_yaml_reads_it(text: str, expected: str) -> None:
    config = parse_trial(yaml.safe_load(f"compile: {text}"))
    assert config.compile == expected
    assert parse_trial(yaml.safe_load(yaml.safe_dump(config.to_mapping()))) == config


@pytest.mark.parametrize(
    ("key", "values", "rule"),
    [
        ("compile", [True, "on", 0, None], "one of auto, off"),
        (
            "terms",
            [[], "", ["hsic"], ["symmetric_kl", "symmetric_kl"], None, 3, [1]],
            "a list of one or several of natural_cross_entropy",
        ),
        (
            "views",
            [[], [0], [1], [0, 0.5], [0.5, 1], [0, 1, 0.5], [0, 0.5, 0.5, 1], [0, 2], "01"],
            "begins with 0 and ends with 1",
        ),
        ("rungs", [[2, 2], [3, 2], [0, 1], "12"], "a list of increasing integers >= 1"),
    ],
)
def test_values_that_break_a_rule_are_refused_with_it(key: str, values: list[object], rule: str) -> None:
    for value in values:
        with pytest.raises(ConfigError, match=rf"^{key}: .*{rule}"):
            make_config(**{key: value})


@pytest.mark.parametrize(
    ("changes", "key", "message"),
    [
        ({"bottleneck": 0}, "regularise", "without a bottleneck there is no p"),
        ({"bottleneck": 0, "attack_latent": "sample", "objective": "mart"}, "attack_latent", "nothing to sample"),
        ({"objective": "standard", "forward": "joint"}, "forward", "one kind of images only"),
        ({"objective": "natural", "forward": "joint"}, "forward", "one kind of images only"),
        ({"objective": "mma", "lam": 9}, "lambda", "has no effect with mma"),
        ({"objective": "trades", "alpha": 0.4}, "alpha", "has no effect with trades"),
        ({"objective": "trades", "ramp_end": 0.4}, "ramp_end", "has no effect with trades"),
        ({"terms": "natural_cross_entropy"}, "terms", "objective: natural"),
        ({"terms": ["symmetric_kl", "information"]}, "terms", "would learn nothing"),
        ({"terms": ["natural_cross_entropy"], "alpha": 1}, "terms", "would learn nothing"),
        ({"terms": ["adversarial_cross_entropy"], "alpha": 0}, "terms", "would learn nothing"),
        ({"hsic_neighbours": 16}, "hsic_neighbours", "below batch_size = 16"),
        ({"hsic_normalisation": "unbiased", "batch_size": 3, "hsic_neighbours": 1}, "hsic_normalisation", "least 4"),
        ({"lr_after_drops": [0.1]}, "lr_after_drops", "there are 1 rates, but must be one for each of the 3"),
        ({"objective": "trades", "terms": "symmetric_kl"}, "terms", "has no effect with trades"),
        ({"objective": "mart", "regularise": "output"}, "regularise", "has no effect with mart"),
        ({"objective": "standard", "hsic_normalisation": "cka"}, "hsic_normalisation", "no effect with standard"),
        ({"objective": "trades", "hsic_width": "first_columns"}, "hsic_width", "no effect with trades"),
        ({"objective": "trades", "views": [0, 0.5, 1]}, "views", "no effect with trades"),
        ({"objective": "mart", "information_estimator": "mine"}, "information_estimator", "no effect with mart"),
        ({"max_margin": 0.1}, "max_margin", "belongs to the objective mma, and has no effect with shared_information"),
        ({"objective": "mma", "max_margin": 0.001}, "smallest_margin", "at most max_margin = 0.001"),
        ({"information_estimator": "mine", "views": [0, 0.5, 1]}, "views", "there are 3, but MINE's critic compares"),
        ({"information_estimator": "mige", "hsic_width": "first_columns"}, "hsic_width", "has no effect with mige"),
        ({"rungs": [2]}, "rungs", "no effect with eval_every = 1"),
        ({"rungs": [2, 4], "eval_every": 2}, "rungs", "the last value is 4, but must be below epochs = 4"),
    ],
)
def test_combinations_without_sense_are_refused(changes: dict[str, Any], key: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        make_config(**changes)
    assert [found for found, _ in caught.value.problems] == [key]


def test_combinations_with_sense_are_accepted() -> None:
    make_config(bottleneck=0, regularise="output")
    make_config(bottleneck=0, terms="natural_cross_entropy+adversarial_cross_entropy")
    make_config(objective="trades", lam=9)
    make_config(objective="trades", hsic_neighbours=99)
    make_config(terms="adversarial_cross_entropy+symmetric_kl", hsic_neighbours=99)
    for objective in OBJECTIVES[1:]:
        assert make_config(objective=objective, bottleneck=0).objective == objective
    for normalisation in HSIC_NORMALISATIONS:
        assert make_config(hsic_normalisation=normalisation).hsic_normalisation == normalisation
