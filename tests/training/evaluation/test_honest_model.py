"""Is the gradient that of the logits, and does a call change the next one?"""

import pytest
import torch
from fooling_models import REFUSED, SAME_CLASSES, Wrap, backward
from raises_about import raises_about
from stand_ins import random_states
from torch import nn
from toys import interior_images, linear_net, relu_net

from training.attacks import AttackError
from training.evaluation.honest_model import gradient_agreement, require_no_memory, untouched_copy

IMAGES = interior_images(20, side=6)


@pytest.mark.parametrize(
    ("wrap", "agreement"),
    [
        (SAME_CLASSES["nothing"], 1.0),
        (backward(torch.neg), -1.0),
        (backward(torch.zeros_like), 0.0),
        (backward(lambda gradient: 7 * gradient), 1.0),
        (SAME_CLASSES["gradient of the second class alone"], 0.0),
        (SAME_CLASSES["logits times 10^-6"], 1.0),
        (SAME_CLASSES["logits times 10^4"], 1.0),
    ],
)
def test_a_linear_model_has_the_cosine_of_what_is_done_to_its_gradient(wrap: Wrap, agreement: float) -> None:
    assert gradient_agreement(wrap(linear_net(4)), IMAGES) == pytest.approx(agreement, abs=0.01)


def test_kinks_of_a_network_cost_little() -> None:
    assert gradient_agreement(relu_net(side=6), IMAGES) > 0.95


def test_logits_that_never_change_agree() -> None:
    linear = nn.Linear(36, 4)
    with torch.no_grad():
        linear.weight.zero_()
    model = nn.Sequential(nn.Flatten(), linear)
    assert gradient_agreement(model, IMAGES) == 1.0


def test_the_check_draws_no_global_random_numbers() -> None:
    before = random_states()
    gradient_agreement(linear_net(4), IMAGES)
    assert random_states() == before


@pytest.mark.parametrize("name", ["a memory of what it saw", "another answer after some calls"])
def test_a_model_that_remembers_is_refused(name: str) -> None:
    model = REFUSED[name](linear_net(4))
    copy = untouched_copy(model)
    for _ in range(20):
        model(IMAGES)
    with raises_about(AttackError, "memory"):
        require_no_memory(model, copy, IMAGES, 0.1)


def test_a_model_that_forgets_passes_and_one_that_cannot_be_copied_too() -> None:
    class Uncopied(nn.Flatten):
        def __deepcopy__(self, memo: object) -> None:
            raise RuntimeError("no copies")

    model = linear_net(4)
    copy = untouched_copy(model)
    model(IMAGES)
    require_no_memory(model, copy, IMAGES, 0.1)
    assert untouched_copy(Uncopied()) is None
    require_no_memory(model, None, IMAGES, 0.1)
