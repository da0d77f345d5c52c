import sys

import pytest
import torch
from findings import evaluation, pgd, result
from raises_about import raises_about
from stand_ins import words_in
from toys import image_set, relu_net

from training.attacks import AttackError, Fgsm
from training.evaluation import LatentMode, Suite
from training.evaluation.accuracy_table import format_table
from training.evaluation.example_images import attack_with_titles, draw_examples, first_correct
from training.evaluation.plots import accuracy_curve_png, adversarial_examples_png


def test_the_table_has_a_row_an_attack_and_every_sign() -> None:
    text = format_table(
        evaluation(
            pgd(500, 20),
            result(600, family="cascade", name="AutoAttack"),
            result(600, family="apgd", name="APGD-CE", part_of="AutoAttack 0.1"),
            result(100, family="cw", name="C&W", norm="l2", epsilon=float("inf"), distances=(1.0, 2.0)),
            result(400, epsilon=0.2, curve=True),
        )
    )
    lines = text.splitlines()
    assert [line.split("  ")[0] for line in lines[2:8]] == [
        "natural", "PGD-20", "AutoAttack", "", "C&W", "worst over these attacks",
    ]  # fmt: skip
    assert lines[5].split() == ["then", "APGD-CE", "linf", "0.1", "60.00", "56.9", "–", "63.0", "0.1"]
    assert lines[6].split() == ["C&W", "l2", "-", "10.00", "8.3", "–", "12.0", "1.5"]
    assert lines[7].split() == ["worst", "over", "these", "attacks", "linf", "0.1", "50.00", "46.9", "–", "53.1"]
    assert words_in(text, ("autoattack_above_pgd", "60.0")) == ["autoattack_above_pgd", "60.0"]
    assert max(len(line) for line in lines) <= 100


def test_other_radii_have_a_worst_case_of_their_own() -> None:
    text = format_table(evaluation(result(500), result(450, epsilon=0.11)))
    assert [line.split() for line in text.splitlines()[-2:]] == [
        ["worst", "over", "these", "attacks", "linf", "0.11", "45.00", "41.9", "–", "48.1"],
        ["worst", "over", "these", "attacks", "linf", "0.1", "50.00", "46.9", "–", "53.1"],
    ]


def test_the_union_of_a_sampled_latent_is_no_headline() -> None:
    text = format_table(evaluation(result(500), mode=LatentMode.named("sampled")))
    assert "worst over these attacks" not in text
    assert ["union,", "sampled", "latent", "linf", "0.1", "50.00"] in [line.split()[:6] for line in text.splitlines()]
    assert "no headline" in text


def test_pictures_are_drawn_without_a_display() -> None:
    found = evaluation(result(800, epsilon=0.05, curve=True), result(0, epsilon=0.5, curve=True))
    assert accuracy_curve_png(found).startswith(b"\x89PNG")
    for channels in (1, 3):
        images = torch.rand(2, channels, 4, 4)
        assert adversarial_examples_png(images, images.flip(0), ["0 → 1", "1 → 1"]).startswith(b"\x89PNG")


def test_examples_show_one_right_image_a_class() -> None:
    model = relu_net(seed=0)
    images = image_set(model, 40, side=3, wrong=10)
    chosen = first_correct(model, images, 8)
    labels = images.labels[chosen].tolist()
    assert labels == sorted(set(images.labels.tolist()))
    assert chosen.min() >= 10
    clean, adversarial, titles = attack_with_titles(model, images.subset(chosen), Fgsm(epsilon=0.3))
    classes = model(adversarial).argmax(dim=1).tolist()
    assert titles == [f"{a} → {b}" for a, b in zip(labels, classes, strict=True)]
    assert clean.shape == adversarial.shape
    assert draw_examples(model, images, Suite(name="x", epsilon=0.1, attacks=())).startswith(b"\x89PNG")


def test_missing_matplotlib_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with raises_about(AttackError, "matplotlib"):
        accuracy_curve_png(evaluation(result(0, epsilon=0.5, curve=True)))
