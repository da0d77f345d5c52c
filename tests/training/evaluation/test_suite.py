import itertools
import math
from dataclasses import replace

import pytest
from raises_about import raises_about
from stand_ins import make_config
from toys import relu_net

from training.attacks import (
    AttackError,
    CarliniWagner,
    Cascade,
    LatentAttack,
    MeanPath,
    Pgd,
    RepresentationAttack,
    Scale,
    Transfer,
)
from training.evaluation import LatentMode, build_suite, scale_of
from training.evaluation.attack_runs import attack_runs_of
from training.registry import ATTACKS
from training.suite_names import SUITES, SuiteName

DIGITS = Scale(epsilon=0.2, step_size=0.05, rate=0.01, classes=10)


def test_the_paper_s_suite_has_the_parameters_of_table_2() -> None:
    cifar = scale_of(make_config(dataset="cifar10", architecture="resnet18"), 10)
    mnist = scale_of(make_config(dataset="mnist", architecture="cnn4"), 10)
    for scale, epsilon, step, rate in ((cifar, 0.031, 0.003, 0.01), (mnist, 0.3, 0.01, 0.003)):
        short, long, cw, autoattack = build_suite("paper", scale).attacks
        assert short == Pgd(epsilon=epsilon, step_size=step, steps=20)
        assert long == Pgd(epsilon=epsilon, step_size=step, steps=40)
        assert cw == CarliniWagner(c=1, kappa=0, steps=20, rate=rate)
        assert isinstance(autoattack, Cascade)
        assert autoattack.epsilon == epsilon


def test_other_data_sets_take_the_configuration_s_own_sizes() -> None:
    scale = scale_of(make_config(epsilon=0.2, eval_attack_step_size=0.05), 10)
    assert scale == DIGITS


def test_standard_adds_the_literature_s_epsilon_on_cifar() -> None:
    cifar = scale_of(make_config(dataset="cifar10", architecture="resnet18"), 10)
    cascades = [attack for attack in build_suite("standard", cifar).attacks if isinstance(attack, Cascade)]
    assert [attack.epsilon for attack in cascades] == [0.031, 8 / 255]


@pytest.mark.parametrize(
    ("name", "latent", "classes"), [*itertools.product(SUITES, ("mean", "sampled"), (2, 3, 10, 100))]
)
def test_every_suite_can_be_run_in_every_mode(name: str, latent: str, classes: int) -> None:
    mode = LatentMode.named(latent)
    scale = Scale(epsilon=0.2, step_size=0.05, rate=0.01, classes=classes)
    suite = build_suite(name, scale, latent=mode)
    keys = [unit.key for unit in attack_runs_of(suite, mode)]
    assert len(keys) == len(set(keys))
    assert suite.curve[-1].epsilon >= 0.5
    # The accuracy at the headline's radius is a point of the curve.
    assert 0.2 in [attack.epsilon for attack in suite.curve]
    assert any(attack.epsilon == suite.epsilon for attack in suite.attacks)


L2 = Scale(norm="l2", epsilon=0.5, step_size=0.05, rate=0.01, classes=10, dimensions=64)


@pytest.mark.parametrize(
    ("name", "latent"),
    [*itertools.product((suite for suite in SUITES if suite != SuiteName.PAPER_AS_RUN), ("mean", "sampled"))],
)
def test_every_suite_in_l2_is_in_l2(name: str, latent: str) -> None:
    mode = LatentMode.named(latent)
    suite = build_suite(name, L2, latent=mode, surrogate=relu_net())
    assert {attack.norm for attack in (*suite.attacks, *suite.curve)} == {suite.norm} == {"l2"}
    assert {attack.epsilon for attack in suite.attacks} == {0.5, math.inf}
    assert attack_runs_of(suite, mode)
    # In this ball every image of 64 values can become grey.
    assert suite.curve[-1].epsilon == 0.5 * 8
    assert 0.5 in [attack.epsilon for attack in suite.curve]
    assert build_suite(name, replace(L2, dimensions=None)).curve == ()


def test_what_exists_in_l_infinity_alone_is_refused_in_l2() -> None:
    with raises_about(AttackError, "suite"):
        build_suite("paper_as_run", L2)
    for name in ("representation", "torchattacks:PGD"):
        with raises_about(AttackError, name):
            build_suite("quick", L2, attacks=[name])


def test_the_sizes_in_l2_are_those_of_the_literature_or_of_the_configuration() -> None:
    cifar = make_config(dataset="cifar10", architecture="resnet18")
    assert scale_of(cifar, 10, norm="l2").epsilon == 128 / 255
    assert scale_of(cifar, 10, norm="l2").step_size == pytest.approx(128 / 255 / 8)
    digits = make_config(norm="l2", epsilon=0.7, eval_attack_step_size=0.1)
    assert scale_of(digits, 10) == Scale(norm="l2", epsilon=0.7, step_size=0.1, rate=0.01, classes=10)
    assert scale_of(digits, 10, epsilon=1.4).step_size == pytest.approx(0.2)
    given = scale_of(make_config(), 10, norm="l2", epsilon=0.8, dimensions=64)
    assert given == Scale(norm="l2", epsilon=0.8, step_size=0.1, rate=0.01, classes=10, dimensions=64)
    for wrong in ({"norm": "l2"}, {"norm": "l2", "epsilon": 0}, {"norm": "l2", "epsilon": 128, "dimensions": 3072}):
        with raises_about(AttackError, "epsilon"):
            scale_of(make_config(), 10, **wrong)


def test_sampled_latents_are_attacked_in_expectation_or_on_the_mean_path() -> None:
    suite = build_suite("standard", DIGITS, latent=LatentMode.named("sampled"))
    for attack in suite.attacks:
        if isinstance(attack, Pgd):
            assert attack.draws == 20
    names = [attack.name for attack in suite.attacks]
    assert "AutoAttack rand" in names
    assert "AutoAttack on the mean path" in names
    assert "AutoAttack" not in names
    assert any(isinstance(attack, MeanPath) for attack in suite.attacks)


def test_attacks_by_name_replace_the_suite_s() -> None:
    suite = build_suite("quick", DIGITS, attacks=["representation", "pgd10", "pgd10"])
    assert [type(attack) for attack in suite.attacks] == [RepresentationAttack] * 6 + [Pgd]
    radii = [(a.epsilon, a.iterations) for a in suite.attacks if isinstance(a, RepresentationAttack)]
    assert radii == [(e / 255, n) for n in (10, 20) for e in (5, 10, 15)]
    for name in set(ATTACKS) - {"transfer"}:
        assert build_suite("quick", DIGITS, attacks=[name]).attacks


def test_the_latent_is_attacked_where_there_is_a_bottleneck() -> None:
    for scale in (DIGITS, L2):
        for latent in ("mean", "sampled"):
            mode = LatentMode.named(latent)
            suites = [build_suite("standard", scale, latent=mode, bottleneck=has) for has in (True, False, None)]
            inner = [[getattr(each, "attack", each) for each in suite.attacks] for suite in suites]
            assert [sum(isinstance(each, LatentAttack) for each in attacks) for attacks in inner] == [1, 0, 0]
    assert build_suite("quick", DIGITS, attacks=["latent"]).attacks == (
        LatentAttack(epsilon=0.2, step_size=0.05, steps=50, restarts=2),
    )
    with raises_about(AttackError, "latent"):
        build_suite("quick", DIGITS, attacks=["latent"], bottleneck=False)


def test_a_surrogate_adds_table_6() -> None:
    suite = build_suite("quick", DIGITS, attacks=["fgsm"], surrogate=relu_net())
    transfers = [attack.attack.name for attack in suite.attacks if isinstance(attack, Transfer)]
    assert transfers == ["PGD-10", "PGD-20", "PGD-40", "C&W (c=1, 20 steps)", "Square"]


def test_a_resized_scale_keeps_the_proportion_of_its_step() -> None:
    assert DIGITS.resized(0.1).step_size == pytest.approx(0.025)
    assert Scale(epsilon=0, step_size=0.05, rate=1, classes=2).resized(0.8).step_size == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("suite", "attacks", "argument"),
    [
        ("fast", None, "suite"),
        ("quick", ["pgd30"], "pgd30"),
        ("quick", [], "attacks"),
    ],
)
def test_unknown_names_are_refused(suite: str, attacks: list[str] | None, argument: str) -> None:
    with raises_about(AttackError, argument):
        build_suite(suite, DIGITS, attacks=attacks)
