import torch
from raises_about import raises_about
from toys import interior_images, noisy_classifier

from training.attacks import AttackError
from training.evaluation import LatentMode
from training.evaluation.latent import SampledClassifier, model_in_mode, predict

CPU = torch.device("cpu")


def sampled(sigma: float = 0.7) -> SampledClassifier:
    model = model_in_mode(noisy_classifier(sigma), LatentMode.named("sampled"), CPU)
    assert isinstance(model, SampledClassifier)
    return model


def test_the_mean_path_is_the_classifier_itself() -> None:
    classifier = noisy_classifier(0.7)
    assert model_in_mode(classifier, LatentMode(), CPU) is classifier


def test_draws_have_the_latent_s_mean_and_standard_deviation() -> None:
    # The head is the identity: logits are the latent.
    model, images = sampled(), interior_images(3, side=6)
    model.reseed(0)
    with torch.no_grad():
        logits = model.draw(images, 4000)
        mean = model.mean_path(images)
    assert logits.shape == (4000, 3, 4)
    torch.testing.assert_close(logits.mean(dim=0), mean, rtol=0, atol=0.05)
    torch.testing.assert_close(logits.std(dim=0), torch.full((3, 4), 0.7), rtol=0.05, atol=0)


def test_the_seed_fixes_the_draws_and_no_other_generator_is_touched() -> None:
    model, images, state = sampled(), interior_images(3, side=6), torch.get_rng_state()
    model.reseed(5)
    first = model(images)
    second = model(images)
    model.reseed(5)
    assert torch.equal(model.draw(images, 2), torch.stack([first, second]))
    assert not torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)


def test_averaged_predictions_approach_those_of_the_mean() -> None:
    model, images = sampled(0.5), interior_images(300, side=6)
    with torch.no_grad():
        mean = model.mean_path(images).argmax(dim=1)

    def agreement(draws: int) -> float:
        mode = LatentMode(name="sampled", attack_draws=1, prediction_draws=draws)
        return float((predict(model, images, mode, 3) == mean).float().mean())

    assert agreement(1) < 0.8 < agreement(50) < agreement(500)
    assert predict(model, images, LatentMode.named("sampled"), 3).equal(
        predict(model, images, LatentMode.named("sampled"), 3)
    )


def test_modes_and_draws_out_of_range_are_refused() -> None:
    with raises_about(AttackError, "latent"):
        LatentMode(name="median")
    with raises_about(AttackError, ("attack_draws",)):
        LatentMode(name="sampled", attack_draws=0)
