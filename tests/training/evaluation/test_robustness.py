import copy
import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from pyautoattack import AutoAttack
from raises_about import raises_about
from stand_ins import make_config, make_data, random_states, same_weights, without_seconds
from torch import Tensor, nn
from toys import exactly_robust, image_set, noisy_classifier, relu_net

from training.attacks import Adversary, Apgd, AttackError, CarliniWagner, Fgsm, Noise, Pgd, Square, auto_attack
from training.attacks.adversary import LinfBall
from training.data import ImageSet
from training.data.augment import to_unit
from training.evaluation import AttackResult, Evaluation, LatentMode, Suite, evaluate_robustness
from training.evaluation.accuracy_table import format_table
from training.evaluation.checks import InvalidImagesError, RandomisedModelError
from training.evaluation.example_images import draw_examples
from training.evaluation.latent import SampledClassifier
from training.evaluation.resume_state import ResumeStateError, StateFile
from training.trainer import Trainer

EPSILON = 0.04
PGD = Pgd(epsilon=EPSILON, step_size=EPSILON / 8, steps=20)


def suite_of(*attacks: Adversary, curve: tuple[Adversary, ...] = ()) -> Suite:
    return Suite(name="test", epsilon=EPSILON, attacks=attacks, curve=curve)


SMALL = suite_of(
    Noise(epsilon=EPSILON),
    PGD,
    CarliniWagner(),
    Apgd(epsilon=EPSILON, steps=10),
    Square(epsilon=EPSILON, queries=30),
    curve=(Pgd(epsilon=0.5, step_size=0.1, steps=10),),
)


def problem(count: int = 40, *, wrong: int = 6) -> tuple[nn.Module, ImageSet]:
    model = relu_net(seed=0).eval()
    return model, image_set(model, count, side=3, wrong=wrong)


def figures(evaluation: Evaluation) -> dict[str, object]:
    mapping = evaluation.to_mapping()
    return {key: mapping[key] for key in ("natural_accuracy", "worst_case_accuracy", "attacks", "curve", "warnings")}


def test_accuracy_is_right_clean_and_right_under_attack_over_all_images() -> None:
    model, images = problem()
    evaluation = evaluate_robustness(model, images, suite_of(PGD), batch_size=40)
    right = torch.tensor(evaluation.natural)
    assert right.tolist() == [False] * 6 + [True] * 34
    found = PGD(model, to_unit(images.images)[right], images.labels[right], seed=0)
    robust = model(found).argmax(dim=1) == images.labels[right]
    assert evaluation.attacks[0].accuracy == robust.sum().item() / 40
    assert not any(evaluation.attacks[0].robust[:6])
    assert 0 < robust.sum() < 34


def test_the_worst_case_is_taken_image_by_image() -> None:
    model, images = problem()
    evaluation = evaluate_robustness(model, images, SMALL)
    inside = [r for r in evaluation.attacks if r.norm == "linf" and r.epsilon <= EPSILON]
    expected = sum(all(flags) for flags in zip(*(r.robust for r in inside), strict=True)) / 40
    assert evaluation.worst_case_accuracy == expected
    assert expected <= min(result.accuracy for result in inside) <= evaluation.natural_accuracy
    # C&W has another norm and no bound, the curve's last point a larger ball: neither belongs to this worst case.
    assert min(evaluation.accuracies().values()) < expected
    assert evaluation.curve[-1] == (0.5, 0.0)


def test_is_never_below_the_truth_and_comes_close() -> None:
    model, images = problem(wrong=0)
    unit = to_unit(images.images)
    truth = [exactly_robust(model, x, int(y), EPSILON) for x, y in zip(unit, images.labels, strict=True)]
    strong = Pgd(epsilon=EPSILON, step_size=EPSILON / 8, steps=40, restarts=10, loss="margin")
    evaluation = evaluate_robustness(model, images, suite_of(strong, *auto_attack(EPSILON, classes=4).members[:3]))
    for result in evaluation.attacks:
        assert all(robust or not exact for robust, exact in zip(result.robust, truth, strict=True))
    assert evaluation.worst_case_accuracy - sum(truth) / 40 <= 1 / 40


@pytest.mark.parametrize("size", [1, 7, 40, 500])
def test_batches_change_nothing_where_no_random_start_does(size: int) -> None:
    model, images = problem()
    suite = suite_of(Fgsm(epsilon=EPSILON), Pgd(epsilon=EPSILON, step_size=0.005, steps=9, random_start=False))
    whole = evaluate_robustness(model, images, suite, batch_size=40)
    assert figures(evaluate_robustness(model, images, suite, batch_size=size)) == figures(whole)


@pytest.mark.parametrize("latent", ["mean", "sampled", "naive"])
def test_twice_the_same(latent: str) -> None:
    model = noisy_classifier(0.5)
    images = image_set(model, 20, side=6)
    mode = LatentMode.named(latent)
    suite = suite_of(Pgd(epsilon=0.01, step_size=0.003, steps=5, draws=mode.attack_draws), Apgd(epsilon=0.01, steps=10))
    first = evaluate_robustness(model, images, suite, latent=mode, batch_size=8)
    torch.rand(5)
    assert evaluate_robustness(model, images, suite, latent=mode, batch_size=8) == first


def test_autoattack_equals_the_official_one_and_its_members_lower_it_one_by_one() -> None:
    model, images = problem(30)
    standard = auto_attack(EPSILON, classes=4)
    # Fewer queries than the official 5,000, which take ten seconds.
    attack = replace(standard, members=(*standard.members[:3], Square(epsilon=EPSILON, queries=200)))
    evaluation = evaluate_robustness(model, images, suite_of(attack), seed=3)
    official = AutoAttack(model, eps=EPSILON, seed=3)
    official.apgd_targeted.n_target_classes = official.fab.n_target_classes = 3
    official.square.n_queries = 200
    with torch.random.fork_rng():
        found, _ = official.run_standard_evaluation(to_unit(images.images), images.labels, batch_size=30)
    right = model(found).argmax(dim=1) == images.labels
    whole, *members = evaluation.attacks
    assert list(whole.robust) == right.tolist()
    assert [member.name for member in members] == ["APGD-CE", "APGD-T", "FAB-T", "Square (200 queries)"]
    accuracies = [evaluation.natural_accuracy, *(member.accuracy for member in members)]
    assert accuracies == sorted(accuracies, reverse=True)
    assert whole.accuracy == accuracies[-1]
    assert list(evaluation.accuracies()) == ["AutoAttack, linf 0.04"]


def test_leaves_everything_as_it_was() -> None:
    trainer = Trainer(make_config(), make_data(), "cpu")
    model = trainer.model
    model.train()
    model.backbone.eval()
    assert isinstance(model.head, nn.Linear)
    model.head.bias.requires_grad_(False)
    model.head.weight.grad = torch.ones_like(model.head.weight)
    before, randomness = copy.deepcopy(model), random_states()
    precision = torch.backends.cudnn.conv.fp32_precision  # type: ignore[attr-defined]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        evaluate_robustness(model, make_data().validation, SMALL)
    assert [module.training for module in model.modules()] == [module.training for module in before.modules()]
    assert not model.head.bias.requires_grad
    assert torch.equal(model.head.weight.grad, torch.ones_like(model.head.weight))
    assert same_weights(model, before)
    assert random_states() == randomness
    assert torch.backends.cudnn.conv.fp32_precision == precision  # type: ignore[attr-defined]


@pytest.mark.parametrize("latent", ["mean", "naive"])
def test_training_goes_on_as_if_nothing_had_been_evaluated(latent: str) -> None:
    data = make_data()
    plain, interrupted = (Trainer(make_config(), data, "cpu") for _ in range(2))
    for trainer in (plain, interrupted):
        for _ in range(2):
            trainer.train_epoch()
            if trainer is interrupted:
                mode = LatentMode.named(latent)
                evaluate_robustness(trainer.model, data.validation, SMALL, latent=mode, batch_size=13)
    assert same_weights(plain.model, interrupted.model)
    assert without_seconds(plain.history) == without_seconds(interrupted.history)


class Interrupting(nn.Module):
    """Stops the evaluation at a given forward pass, as a signal would."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.passes, self.last = inner, 0, -1

    def forward(self, images: Tensor) -> Tensor:
        self.passes += 1
        if self.passes == self.last:
            raise KeyboardInterrupt
        logits: Tensor = self.inner(images)
        return logits


@pytest.mark.parametrize("last", [1, 5, 30, 60, 90])
def test_goes_on_where_it_was_stopped(tmp_path: Path, last: int) -> None:
    inner, images = problem()
    model, path = Interrupting(inner), tmp_path / "folder" / "state.json"
    whole = evaluate_robustness(model, images, SMALL, batch_size=15)
    total, model.passes, model.last = model.passes, 0, last
    assert total > last
    with pytest.raises(KeyboardInterrupt):
        evaluate_robustness(model, images, SMALL, batch_size=15, state=StateFile(path))
    model.last = -1
    assert evaluate_robustness(model, images, SMALL, batch_size=15, state=StateFile(path)) == whole
    if last > 30:
        # What was measured before was not measured again.
        assert model.passes < total + last
    model.passes = 0
    assert evaluate_robustness(model, images, SMALL, batch_size=15, state=StateFile(path)) == whole
    # Nothing but the checks of the model: its classes, twice the same, 8 images in a batch and alone, and moved images
    # before and after the attacks.
    assert model.passes == 3 + 1 + 8 + 2


def test_a_state_of_another_evaluation_is_refused(tmp_path: Path) -> None:
    model, images = problem()
    path = tmp_path / "state.json"
    evaluate_robustness(model, images, suite_of(PGD), state=StateFile(path))
    with raises_about(ResumeStateError, (path, "seed")):
        evaluate_robustness(model, images, suite_of(PGD), state=StateFile(path), seed=1)
    with raises_about(ResumeStateError, (path, "attacks")):
        evaluate_robustness(model, images, SMALL, state=StateFile(path))
    with raises_about(ResumeStateError, (path, "weights")):
        evaluate_robustness(relu_net(seed=1), images, suite_of(PGD), state=StateFile(path))
    with raises_about(ResumeStateError, (path, "image_hash")):
        evaluate_robustness(model, problem(wrong=5)[1], suite_of(PGD), state=StateFile(path))


@dataclass(frozen=True)
class Leaping(LinfBall):
    """An attack that leaves its ball."""

    epsilon, name, family = EPSILON, "leaping", "pgd"

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, *, seed: int) -> Tensor:  # noqa: ARG002
        return images + 2 * EPSILON


def test_an_attack_that_leaves_its_ball_is_refused() -> None:
    model, images = problem()
    with raises_about(InvalidImagesError, "epsilon"):
        evaluate_robustness(model, images, suite_of(Leaping()))


def test_models_that_cannot_be_evaluated_are_refused() -> None:
    model, images = problem()
    sampled = SampledClassifier(noisy_classifier(0.5), torch.device("cpu"))
    with raises_about(RandomisedModelError, "latent"):
        evaluate_robustness(sampled, image_set(sampled, 20, side=6), suite_of(PGD))
    with raises_about(AttackError, "weights"):
        evaluate_robustness(copy.deepcopy(model).double(), images, suite_of(PGD))
    broken = copy.deepcopy(model)
    nn.init.constant_(next(broken.parameters()), torch.nan)
    with raises_about(AttackError, "logits"):
        evaluate_robustness(broken, images, suite_of(PGD))
    with raises_about(AttackError, "bottleneck"):
        evaluate_robustness(model, images, suite_of(PGD), latent=LatentMode.named("sampled"))
    with raises_about(AttackError, ("images",)):
        evaluate_robustness(model, images.subset(torch.tensor([], dtype=torch.int64)), suite_of(PGD))
    with raises_about(AttackError, "PGD-20, linf 0.04"):
        evaluate_robustness(model, images, suite_of(PGD, PGD))


def test_a_model_that_is_always_wrong_needs_no_attack() -> None:
    model, images = problem(12, wrong=12)
    evaluation = evaluate_robustness(model, images, SMALL)
    assert evaluation.natural_accuracy == evaluation.worst_case_accuracy == 0
    assert evaluation.warnings == ()


def test_the_record_is_plain_json_and_complete() -> None:
    model, images = problem()
    mapping = evaluate_robustness(model, images, SMALL).to_mapping()
    assert json.loads(json.dumps(mapping)) == mapping
    assert mapping["latent"] == "mean"
    assert mapping["images"] == 40
    assert set(mapping["versions"]) == {"torch", "pyautoattack", "scipy", "torchattacks"}
    entry = mapping["attacks"]["C&W (c=1, 20 steps), l2"]
    assert entry["epsilon"] is None
    assert entry["mean_distance"] > 0
    assert entry["parameters"]["c"] == "1.0"
    assert mapping["attacks"]["PGD-20, linf 0.04"]["parameters"]["step_size"] == repr(EPSILON / 8)


def test_progress_is_told_after_every_batch_kept_ones_included(tmp_path: Path) -> None:
    model, images = problem()
    told: list[tuple[int, int, str]] = []
    for _ in range(2):
        evaluate_robustness(
            model,
            images,
            suite_of(PGD),
            batch_size=25,
            state=StateFile(tmp_path / "state.json"),
            on_batch=lambda *words: told.append(words),
        )
    key = "PGD-20, linf 0.04"
    assert told == [(1, 4, "clean"), (2, 4, "clean"), (3, 4, key), (4, 4, key)] * 2


class _NanAt(nn.Module):
    """A network with NaN for images whose first pixel is near some values, as damaged weights can give."""

    def __init__(self, network: nn.Module, firsts: Tensor) -> None:
        super().__init__()
        self.network = network
        self.firsts = firsts

    def forward(self, images: Tensor) -> Tensor:
        near = (images[:, 0, 0, 0, None] - self.firsts).abs().amin(dim=1, keepdim=True) < 1e-6
        logits: Tensor = self.network(images)
        return logits + torch.where(near, torch.nan, 0.0)


@pytest.mark.parametrize("batch_size", [40, 7])
def test_images_without_finite_logits_are_wrong_in_every_batch(batch_size: int) -> None:
    """The argmax of NaN is class 0, so without a check the images of class 0 would be right, and robust."""
    model, images = problem(wrong=0)
    chosen = torch.nonzero(images.labels == 0).flatten()[-3:]
    assert len(chosen) == 3
    spoilt = _NanAt(model, to_unit(images.images)[chosen, 0, 0, 0])
    evaluation = evaluate_robustness(
        spoilt, images, suite_of(PGD, auto_attack(EPSILON, classes=3)), batch_size=batch_size
    )
    sound = evaluate_robustness(model, images, suite_of(PGD), batch_size=batch_size)
    assert [n for n, right in enumerate(evaluation.natural) if not right] == chosen.tolist()
    assert not any(evaluation.attacks[0].robust[n] for n in chosen.tolist())
    others = [n for n in range(40) if n not in chosen.tolist()]
    if batch_size == 40:  # smaller batches draw other starts
        assert sum(evaluation.attacks[0].robust) <= sum(sound.attacks[0].robust[n] for n in others) + 2
    (sign, *_) = evaluation.warnings
    assert sign.code == "logits_not_finite"
    assert "clean 3" in sign.message


def test_images_that_become_not_finite_under_attack_are_broken() -> None:
    class Bounded(nn.Module):
        def __init__(self, network: nn.Module) -> None:
            super().__init__()
            self.network = network

        def forward(self, images: Tensor) -> Tensor:
            changed = (images * 255 - (images * 255).round()).abs().amax(dim=(1, 2, 3)) > 1e-3
            logits: Tensor = self.network(images)
            return logits + torch.where(changed, torch.nan, 0.0)[:, None]

    model, images = problem(wrong=0)
    evaluation = evaluate_robustness(Bounded(model), images, suite_of(PGD), batch_size=40)
    assert all(evaluation.natural)
    assert evaluation.attacks[0].accuracy == 0.0
    assert "logits_not_finite" in {sign.code for sign in evaluation.warnings}


def test_an_evaluation_in_l2_has_its_worst_case_there() -> None:
    model = relu_net(side=6, seed=0).eval()
    images = image_set(model, 40, side=6)
    attacks = (
        Pgd(norm="l2", epsilon=0.1, step_size=0.0125, steps=20),
        CarliniWagner(steps=100, searches=6),
        Square(norm="l2", epsilon=0.1, queries=30),
        Fgsm(epsilon=0.5),
    )
    suite = Suite(name="test", norm="l2", epsilon=0.1, attacks=attacks, curve=(replace(attacks[0], epsilon=3.0),))
    evaluation = evaluate_robustness(model, images, suite)
    pgd, cw, square, outside = evaluation.attacks[:4]
    near = [not right and length <= 0.1 for right, length in zip(cw.robust, _all_distances(cw), strict=True)]
    expected = [a and b and not c for a, b, c in zip(pgd.robust, square.robust, near, strict=True)]
    assert evaluation.worst_case_accuracy == sum(expected) / 40
    assert sum(outside.robust) < sum(expected), "an attack in another norm stands beside it"
    mapping = evaluation.to_mapping()
    assert (mapping["norm"], list(mapping["worst_case_by_epsilon"])) == ("l2", ["0.1"])
    assert "l2" in format_table(evaluation).splitlines()[7]
    assert draw_examples(model, images, suite).startswith(b"\x89PNG")


def _all_distances(result: AttackResult) -> list[float]:
    """Return the distance of each image, 0 for those that are robust; all are right when clean."""
    lengths = iter(result.distances)
    return [0.0 if robust else next(lengths) for robust in result.robust]


@dataclass(frozen=True, kw_only=True, slots=True)
class LeapingInL2(LinfBall):
    """Keeps to its ball in l-infinity, and leaves it in l2."""

    family = name = "leaping"
    norm: str = "l2"
    epsilon: float = EPSILON

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, *, seed: int) -> Tensor:
        del model, labels, seed
        return (images + self.epsilon).clamp(0, 1)


def test_images_outside_the_ball_in_l2_are_found() -> None:
    model, images = problem()
    with raises_about(InvalidImagesError, "epsilon"):
        evaluate_robustness(model, images, replace(suite_of(LeapingInL2()), norm="l2"))
