"""The models of `benchmarks.search_metrics`, and its table on accuracies whose ranks are known."""

from typing import Any

import pytest

from benchmarks.search_metrics import ATTACKS, UNIONS, configs_of, table


@pytest.mark.parametrize(("name", "count"), [("digits", 36), ("mnist", 12), ("cifar10", 15)])
def test_each_data_set_has_different_models_of_several_methods(name: str, count: int) -> None:
    configs = configs_of(name, "data")
    assert len({repr(config) for config in configs}) == len(configs) == count
    assert len({config.objective for config in configs}) >= 4
    assert len({(config.epsilon, config.eval_attack_steps, config.eval_attack_step_size) for config in configs}) == 1


def test_an_attack_that_ranks_the_other_way_round_has_a_correlation_of_minus_one() -> None:
    models = [_model(truth, {"fgsm": 1.0 - truth, "margin": truth + 0.1}) for truth in (0.1, 0.2, 0.3, 0.4)]
    rows = {row["candidate"]: row for row in table(models, 20)}
    assert rows["fgsm"]["kendall"] == rows["fgsm"]["spearman"] == -1.0
    assert rows["margin"]["kendall"] == rows["margin"]["spearman"] == 1.0
    assert rows["margin"]["points_above_autoattack"] == pytest.approx(10.0)
    assert rows["fgsm"]["most_points_above"] == pytest.approx(80.0)
    assert rows["margin"]["kendall_within"] == {"trades": 1.0}


def test_a_union_costs_the_passes_of_both_attacks() -> None:
    rows = {row["candidate"]: row for row in table([_model(truth, {}) for truth in (0.1, 0.2)], 20)}
    assert rows["pgd + margin"]["passes"] == rows["pgd"]["passes"] + rows["margin"]["passes"] == 40
    assert rows["pgd + margin"]["seconds_to_pgd"] == pytest.approx(2.0)


def _model(truth: float, accuracies: dict[str, float]) -> dict[str, Any]:
    names = [*ATTACKS, *UNIONS, "autoattack"]
    return {
        "objective": "trades",
        "accuracy": {name: accuracies.get(name, truth) for name in names},
        "seconds": {name: 2.0 if name in UNIONS else 1.0 for name in names},
    }
