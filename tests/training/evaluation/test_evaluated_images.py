import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from raises_about import raises_about
from stand_ins import make_data

from training.attacks import AttackError
from training.data import ImageSet
from training.evaluation import balanced_subset
from training.evaluation.evaluated_images import images_digest


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.data())
def test_a_subset_is_as_balanced_as_the_labels_allow(labels: list[int], data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(labels)))
    chosen = balanced_subset(torch.tensor(labels), count, seed=1).tolist()
    assert chosen == sorted(set(chosen))
    assert len(chosen) == count
    taken = {label: sum(labels[index] == label for index in chosen) for label in set(labels)}
    most = max(taken.values())
    # A class is more than one short of the largest only if all of it was taken.
    assert all(most - amount <= 1 or amount == labels.count(label) for label, amount in taken.items())


def test_the_seed_decides_which() -> None:
    labels = torch.arange(100) % 4
    assert torch.equal(balanced_subset(labels, 20, seed=1), balanced_subset(labels, 20, seed=1))
    assert not torch.equal(balanced_subset(labels, 20, seed=1), balanced_subset(labels, 20, seed=2))


@pytest.mark.parametrize("count", [0, -1, 31])
def test_an_impossible_number_is_refused(count: int) -> None:
    with raises_about(AttackError, "images"):
        balanced_subset(torch.zeros(30), count)


def test_the_digest_sees_pixels_labels_and_order() -> None:
    images = make_data().validation
    assert images_digest(images) == images_digest(make_data().validation)
    changed = images.images.clone()
    changed[3, 0, 2, 2] += 1
    others = [
        ImageSet(changed, images.labels),
        ImageSet(images.images, images.labels.flip(0)),
        images.subset(torch.arange(29, -1, -1)),
        images.subset(torch.arange(29)),
    ]
    assert images_digest(images) not in {images_digest(other) for other in others}
