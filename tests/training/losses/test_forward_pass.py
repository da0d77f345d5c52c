import copy

import pytest
import torch
from torch import nn

from training.losses import ModelForwardPass
from training.models import Classifier, GaussianBottleneck, NoBottleneck


def make_model(*, batch_norm: bool) -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        norm: nn.Module = nn.BatchNorm1d(6) if batch_norm else nn.Identity()
        backbone = nn.Sequential(nn.Flatten(), nn.Linear(16, 6), norm)
        return Classifier(backbone, GaussianBottleneck(6, 3, sigma_bias=0, sigma_floor=1e-3), nn.Linear(3, 5))


def draw_batches() -> tuple[torch.Tensor, torch.Tensor]:
    first, second = torch.rand(2, 8, 1, 4, 4, generator=torch.Generator().manual_seed(1)).unbind()
    return first, second + 1


def forward_pass_of(model: Classifier, *, joint: bool, sampled: bool = True) -> ModelForwardPass:
    return ModelForwardPass(model, torch.Generator().manual_seed(2), joint=joint, sampled=sampled)


def test_without_batch_norm_joint_and_separate_passes_agree() -> None:
    model, batches = make_model(batch_norm=False), draw_batches()
    for one, other in zip(
        forward_pass_of(model, joint=True)(*batches), forward_pass_of(model, joint=False)(*batches), strict=True
    ):
        torch.testing.assert_close(one.z, other.z)
        torch.testing.assert_close(one.logits, other.logits)
        torch.testing.assert_close(one.latent.mu, other.latent.mu)


def test_with_batch_norm_a_joint_pass_has_common_statistics() -> None:
    batches, model = draw_batches(), make_model(batch_norm=True)
    separate, joint = copy.deepcopy(model), copy.deepcopy(model)
    views = forward_pass_of(joint, joint=True, sampled=False)(*batches)
    expected = model.encode(torch.cat(batches)).mu.chunk(2)
    for view, mu in zip(views, expected, strict=True):
        torch.testing.assert_close(view.latent.mu, mu)
    for view, images in zip(forward_pass_of(separate, joint=False, sampled=False)(*batches), batches, strict=True):
        torch.testing.assert_close(view.latent.mu, copy.deepcopy(model).encode(images).mu)
    assert [int(net.state_dict()["backbone.2.num_batches_tracked"]) for net in (separate, joint)] == [2, 1]


def test_the_mean_is_not_drawn() -> None:
    model, (images, _) = make_model(batch_norm=False), draw_batches()
    generator = torch.Generator().manual_seed(3)
    before = generator.get_state()
    (view,) = ModelForwardPass(model, generator, joint=False, sampled=False)(images)
    assert torch.equal(view.z, view.latent.mu)
    assert torch.equal(generator.get_state(), before)
    (drawn,) = ModelForwardPass(model, generator, joint=False, sampled=True)(images)
    assert not torch.equal(drawn.z, drawn.latent.mu)


@pytest.mark.parametrize("joint", [True, False])
def test_without_a_bottleneck_the_latent_is_the_features_and_nothing_is_drawn(joint: bool) -> None:
    model = Classifier(nn.Flatten(), NoBottleneck(), nn.Linear(16, 5))
    generator, batches = torch.Generator().manual_seed(3), draw_batches()
    before = generator.get_state()
    for view, images in zip(
        ModelForwardPass(model, generator, joint=joint, sampled=True)(*batches), batches, strict=True
    ):
        assert torch.equal(view.z, images.flatten(1))
        torch.testing.assert_close(view.logits, model(images))
    assert torch.equal(generator.get_state(), before)
