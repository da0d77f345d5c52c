"""How names and numbers are written."""

import math

import pytest

from tuner.report.text import format_metric, format_value, format_volume, metric_heading, metric_label


@pytest.mark.parametrize(
    ("name", "label", "heading"),
    [
        ("natural_accuracy", "Natural accuracy (%)", "Natural %"),
        ("pgd_accuracy", "PGD accuracy (%)", "PGD %"),
        ("autoattack_accuracy", "AutoAttack accuracy (%)", "AutoAttack %"),
        ("loss_kl", "Loss KL", "Loss KL"),
        ("seconds", "Seconds", "Seconds"),
    ],
)
def test_labels_name_the_unit(name: str, label: str, heading: str) -> None:
    assert metric_label(name) == label
    assert metric_heading(name) == heading


def test_accuracies_are_in_per_cent_with_two_decimals() -> None:
    assert format_metric("pgd_accuracy", 0.45678) == "45.68"
    assert format_metric("natural_accuracy", 1.0) == "100.00"
    assert format_metric("loss_kl", 0.456789) == "0.4568"


@pytest.mark.parametrize("missing", [None, math.nan])
def test_a_missing_metric_is_a_dash(missing: float | None) -> None:
    assert format_metric("pgd_accuracy", missing) == "–"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.00123456, "0.001235"),
        (4.0, "4"),
        (1e-7, "1e-07"),
        (123456, "123456"),
        (True, "True"),
        ("relu", "relu"),
    ],
)
def test_parameters_have_four_significant_digits(value: object, text: str) -> None:
    assert format_value(value) == text


@pytest.mark.parametrize(
    ("volume", "shown"),
    [(0.0, "0.0000"), (0.36454, "0.3645"), (12.34567, "12.346"), (44821.22, "44,821"), (1234567.8, "1,234,568")],
)
def test_the_digits_of_a_hypervolume_depend_on_its_size(volume: float, shown: str) -> None:
    assert format_volume(volume) == shown
