import pytest
import torch
from torch.nn.functional import pad
from torchvision.transforms import functional as reference

from training.data import random_crop_flip, to_unit


def test_to_unit_maps_every_byte_to_its_share_of_255() -> None:
    images = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    unit = to_unit(images)
    assert unit.dtype == torch.float32
    assert torch.equal(unit.flatten(), torch.tensor([value / 255 for value in range(256)]))


def test_every_crop_and_flip_occurs_as_often_as_any_other() -> None:
    padding, height, width, expected = 2, 4, 3, 400
    image = torch.arange(1, 2 * height * width + 1, dtype=torch.float32).view(1, 2, height, width)
    padded = pad(image, [padding] * 4)
    outcomes = []
    for top in range(2 * padding + 1):
        for left in range(2 * padding + 1):
            crop = reference.crop(padded, top, left, height, width)
            outcomes += [crop, reference.hflip(crop)]
    wanted = torch.cat(outcomes).flatten(1)
    assert len(set(map(tuple, wanted.tolist()))) == 2 * (2 * padding + 1) ** 2

    images = image.expand(expected * len(wanted), -1, -1, -1)
    result = random_crop_flip(images, torch.Generator().manual_seed(0), padding)

    matches = (result.flatten(1).unsqueeze(1) == wanted).all(dim=2)
    assert (matches.sum(dim=1) == 1).all()
    counts = matches.sum(dim=0)
    # Binomial with mean 400: standard deviation below 20.
    assert ((counts - expected).abs() < 5 * 20).all()


def test_images_of_a_batch_are_drawn_independently() -> None:
    image = torch.arange(1.0, 10.0).view(1, 1, 3, 3)
    generator = torch.Generator().manual_seed(0)
    pairs = torch.cat([random_crop_flip(image.expand(2, -1, -1, -1), generator, 1) for _ in range(2000)])
    equal = (pairs[0::2] == pairs[1::2]).flatten(1).all(dim=1)
    # 18 outcomes: 2000 / 18 = 111 equal pairs, standard deviation 10.2.
    assert abs(int(equal.sum()) - 111) < 5 * 10.2


def test_result_depends_on_the_generator_alone() -> None:
    images = torch.rand(16, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    original = images.clone()
    state = torch.get_rng_state()
    one = random_crop_flip(images, torch.Generator().manual_seed(5))
    torch.manual_seed(99)
    other = random_crop_flip(images, torch.Generator().manual_seed(5))
    torch.set_rng_state(state)
    assert torch.equal(one, other)
    assert torch.equal(images, original)
    assert one.is_contiguous()


def test_bytes_stay_bytes() -> None:
    images = torch.full((4, 1, 8, 8), 255, dtype=torch.uint8)
    assert random_crop_flip(images, torch.Generator()).dtype == torch.uint8


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_the_gpu_is_never_waited_for() -> None:
    images = torch.zeros(8, 3, 32, 32, dtype=torch.uint8, device="cuda")
    generator = torch.Generator("cuda").manual_seed(0)
    torch.cuda.set_sync_debug_mode("error")
    try:
        result = to_unit(random_crop_flip(images, generator))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert result.shape == images.shape
