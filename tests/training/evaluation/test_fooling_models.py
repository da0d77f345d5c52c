"""Attempts to fool the evaluation: no model is called more robust than it is without a warning sign."""

from pathlib import Path

import pytest
from fooling_models import NEVER_ROBUST, REFUSED, SAME_CLASSES, base
from torch import nn
from toys import image_set, linear_margins

from training.attacks import AttackError, Scale
from training.data.augment import to_unit
from training.evaluation import Evaluation, build_suite, evaluate_robustness

IMAGES = image_set(base(), 40, side=6)
MARGINS = linear_margins(base(), to_unit(IMAGES.images), IMAGES.labels)
# Between two margins, so that rounding decides no image.
_ORDERED = MARGINS.sort().values
EPSILON = float(_ORDERED[19] + _ORDERED[20]) / 2
TRUTH = float((MARGINS > EPSILON).double().mean())
SUITES = ["quick", pytest.param("standard", marks=pytest.mark.slow)]


def evaluate(model: nn.Module, suite: str) -> Evaluation:
    scale = Scale(epsilon=EPSILON, step_size=EPSILON / 8, rate=0.01, classes=4)
    return evaluate_robustness(model.eval(), IMAGES, build_suite(suite, scale))


def test_half_of_the_images_are_robust() -> None:
    assert TRUTH == 0.5
    assert int(_ORDERED[20] > _ORDERED[19] + 1e-5)


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("name", SAME_CLASSES)
def test_a_figure_that_flatters_has_a_sign(name: str, suite: str) -> None:
    evaluation = evaluate(SAME_CLASSES[name](base()), suite)
    signs = {sign.code for sign in evaluation.warnings}
    assert evaluation.worst_case_accuracy <= TRUTH or signs, "overstated without a sign"
    if name == "nothing":
        assert evaluation.worst_case_accuracy == TRUTH
        assert signs == set()


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("name", NEVER_ROBUST)
def test_an_answer_that_is_none_is_wrong(name: str, suite: str) -> None:
    evaluation = evaluate(NEVER_ROBUST[name](base()), suite)
    assert evaluation.worst_case_accuracy <= TRUTH


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_evaluated_is_refused(name: str) -> None:
    with pytest.raises(AttackError):
        evaluate(REFUSED[name](base()), "quick")


def test_the_page_has_every_kind() -> None:
    page = (Path(__file__).parents[3] / "docs" / "fooling.md").read_text(encoding="utf-8")
    names = [*SAME_CLASSES, *NEVER_ROBUST, *REFUSED]
    assert [name for name in names if name not in page] == []
    assert f"{len(names)} models" in page
