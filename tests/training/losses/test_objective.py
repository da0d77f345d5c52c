import pytest
import torch
from torch import Tensor
from torch.nn import functional

from training.losses import LossTerms, View, hsic, shared_information, symmetric_kl
from training.models import Gaussian

LABELS = torch.arange(12) % 3


def draw_view(seed: int) -> View:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()

    latent = Gaussian(normal(12, 4), normal(12, 4).detach().exp().requires_grad_())
    return View(latent, normal(12, 4), normal(12, 3))


def objective(
    natural: View, adversarial: View, *, alpha: float = 0.5, lam: float = 2.0, beta: float = 0.1
) -> LossTerms:
    return shared_information(natural, adversarial, LABELS, alpha=alpha, lam=lam, beta=beta, neighbours=4)


def test_total_is_the_weighted_sum_with_hsic_subtracted() -> None:
    natural, adversarial = draw_view(0), draw_view(1)
    terms = objective(natural, adversarial, alpha=0.3, lam=2.0, beta=0.1)
    assert terms.natural_cross_entropy == functional.cross_entropy(natural.logits, LABELS)
    assert terms.adversarial_cross_entropy == functional.cross_entropy(adversarial.logits, LABELS)
    assert terms.symmetric_kl == symmetric_kl(natural.latent, adversarial.latent)
    assert terms.hsic == hsic(natural.sample, adversarial.sample, neighbours=4)
    expected = (
        0.3 * terms.adversarial_cross_entropy
        + 0.7 * terms.natural_cross_entropy
        + 2 * terms.symmetric_kl
        - 0.1 * terms.hsic
    )
    assert terms.total.item() == pytest.approx(expected.item(), rel=1e-12)


@pytest.mark.parametrize(("alpha", "silent", "heard"), [(0.0, 1, 0), (1.0, 0, 1)])
def test_the_ends_of_alpha_remove_one_cross_entropy_exactly(alpha: float, silent: int, heard: int) -> None:
    views = draw_view(0), draw_view(1)
    terms = objective(*views, alpha=alpha)
    gradients = torch.autograd.grad(terms.total, [view.logits for view in views])
    assert not gradients[silent].any()
    (alone,) = torch.autograd.grad(functional.cross_entropy(views[heard].logits, LABELS), views[heard].logits)
    assert torch.equal(gradients[heard], alone)
    rest = terms.total - 2 * terms.symmetric_kl + 0.1 * terms.hsic
    kept = terms.adversarial_cross_entropy if alpha else terms.natural_cross_entropy
    assert rest.item() == pytest.approx(kept.item(), rel=1e-12)


def test_a_gradient_step_raises_hsic() -> None:
    natural, adversarial = draw_view(0), draw_view(1)
    before = objective(natural, adversarial)
    samples = [natural.sample, adversarial.sample]
    stepped = [
        sample - 1e-2 * gradient / gradient.norm()
        for sample, gradient in zip(samples, torch.autograd.grad(before.total, samples), strict=True)
    ]
    after = objective(natural._replace(sample=stepped[0]), adversarial._replace(sample=stepped[1]))
    assert after.hsic > before.hsic
    assert after.total < before.total


def test_a_gradient_step_lowers_the_symmetric_kl() -> None:
    natural, adversarial = draw_view(0), draw_view(1)
    before = objective(natural, adversarial)
    (gradient,) = torch.autograd.grad(before.total, natural.latent.mu)
    moved = Gaussian(natural.latent.mu - 1e-3 * gradient, natural.latent.sigma)
    assert objective(natural._replace(latent=moved), adversarial).symmetric_kl < before.symmetric_kl
