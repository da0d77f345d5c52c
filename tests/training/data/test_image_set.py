import pytest
import torch

from training.data import ImageSet, TrialData


def _image_set(count: int) -> ImageSet:
    images = torch.arange(count * 6, dtype=torch.uint8).view(count, 1, 2, 3)
    return ImageSet(images, torch.arange(count))


def test_subset_keeps_order_and_duplicates() -> None:
    whole = _image_set(5)
    part = whole.subset(torch.tensor([3, 0, 3]))
    assert part.labels.tolist() == [3, 0, 3]
    assert torch.equal(part.images, whole.images[[3, 0, 3]])
    assert len(part) == 3
    part.images.fill_(77)
    assert whole.images.max() < 77, "it is a copy"


def test_to_moves_both_tensors() -> None:
    moved = _image_set(2).to("meta")
    assert moved.images.device.type == moved.labels.device.type == "meta"


@pytest.mark.parametrize(
    ("images", "labels", "argument"),
    [
        (torch.zeros(2, 1, 3, 3, dtype=torch.float64), torch.zeros(2, dtype=torch.int64), "images"),
        (torch.zeros(2, 3, 3, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64), "images"),
        (torch.zeros(2, 1, 3, 3, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64), "labels"),
        (torch.zeros(2, 1, 3, 3, dtype=torch.uint8), torch.zeros(2), "labels"),
    ],
)
def test_wrong_types_and_shapes_are_refused(images: torch.Tensor, labels: torch.Tensor, argument: str) -> None:
    with pytest.raises(ValueError, match=argument):
        ImageSet(images, labels)


def test_trial_data_tells_classes_and_shape() -> None:
    data = TrialData(_image_set(4), _image_set(1), ("a", "b", "c"), "digest")
    assert data.num_classes == 3
    assert data.image_shape == (1, 2, 3)
