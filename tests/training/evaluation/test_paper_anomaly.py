"""AutoAttack above PGD: Yu et al. 2023, Tables 4, 5 and 11, report it; it cannot be for a deterministic model.

Attacks that judge success by one noisy forward pass stop at lucky draws. Scored with fresh noise, such an image is
often classified correctly again.
"""

import pytest
from raises_about import raises_about
from toys import image_set, noisy_classifier

from training.attacks import Apgd, AttackError, Cascade, Fab, MeanPath, Pgd, Square, auto_attack
from training.evaluation import Evaluation, LatentMode, Suite, evaluate_robustness

EPSILON = 0.01
PGD20 = Pgd(epsilon=EPSILON, step_size=EPSILON / 5, steps=20)
# Square's 5,000 queries take most of the time and break nothing here.
AUTOATTACK = Cascade(
    title="AutoAttack",
    members=(
        Apgd(epsilon=EPSILON),
        Apgd(epsilon=EPSILON, loss="targeted", targets=3),
        Fab(epsilon=EPSILON, targets=3),
        Square(epsilon=EPSILON, queries=200),
    ),
)


def evaluate(mode: LatentMode, *attacks: Pgd | Cascade | MeanPath, count: int = 200) -> Evaluation:
    model = noisy_classifier(0.5)
    suite = Suite(name="anomaly", epsilon=EPSILON, attacks=attacks)
    return evaluate_robustness(model, image_set(model, count, side=6), suite, latent=mode)


def test_the_naive_protocol_puts_autoattack_above_pgd_and_a_sign_says_so() -> None:
    evaluation = evaluate(LatentMode.named("naive"), PGD20, AUTOATTACK)
    pgd, autoattack = evaluation.accuracies().values()
    assert autoattack > pgd + 0.03
    signs = {sign.code: sign.message for sign in evaluation.warnings}
    assert f"{100 * autoattack:.1f}" in signs["autoattack_above_pgd"]
    assert "few_draws" in signs


def test_the_mean_path_restores_the_order() -> None:
    evaluation = evaluate(LatentMode(), PGD20, AUTOATTACK)
    pgd, autoattack = evaluation.accuracies().values()
    assert autoattack < pgd
    assert evaluation.worst_case_accuracy == autoattack
    assert evaluation.warnings == ()


def test_sampled_latents_are_attacked_in_expectation_and_scored_by_the_average() -> None:
    mode = LatentMode.named("sampled")
    expected = Pgd(epsilon=EPSILON, step_size=EPSILON / 5, steps=20, draws=mode.attack_draws)
    rand = auto_attack(EPSILON, version="rand", classes=4)
    evaluation = evaluate(mode, expected, MeanPath(attack=AUTOATTACK), rand, count=80)
    assert "few_draws" not in {sign.code for sign in evaluation.warnings}
    naive = evaluate(LatentMode.named("naive"), PGD20, count=80)
    # With 50 draws averaged, noise no longer breaks clean images, and the worst case is near that of the mean.
    assert evaluation.natural_accuracy > 0.9 > naive.natural_accuracy
    mean = evaluate(LatentMode(), PGD20, AUTOATTACK, count=80)
    assert evaluation.worst_case_accuracy == pytest.approx(mean.worst_case_accuracy, abs=0.06)


def test_autoattack_for_deterministic_models_is_refused_on_sampled_latents() -> None:
    with raises_about(AttackError, AUTOATTACK.name):
        evaluate(LatentMode.named("sampled"), AUTOATTACK)
