"""Warm start: which earlier trials are evidence, at which epochs, and that it changes proposals and nothing else."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plug_ins import plug_ins
from raises_about import raises_about
from simulated_search import SPLIT_DIGEST, MakeLedger, drive, frozen_facts, measured, on_record, small_space, train

from tuner.confirm.presentation import ConfirmationError
from tuner.driver.plan import EarlierSearch, read_earlier, warm_start_fact
from tuner.errors import UsageError
from tuner.ledger import Decision, Outcome, Report, TrialRecord
from tuner.runs.folder import SearchFolder
from tuner.runs.plug_ins import plug_ins_fact, plug_ins_of
from tuner.search import Search
from tuner.search.comparable_values import evidence
from tuner.search.warm_start import FACT, EarlierTrial, earlier_trials, from_facts, to_fact
from tuner.space import Space

EARLIER = small_space(search={"trials": 40, "seed": 7}, early_stopping={"scheduler": "none"})
SPACE = small_space()


def trial(
    number: int, epochs: int = 9, outcome: Outcome = Outcome.COMPLETED, *, lam: float = 1.0, bottleneck: int = 16
) -> TrialRecord:
    """Return a trial that reported so many epochs by the formula of the simulation."""
    point = {"alpha": 0.1 + number / 100, "lambda": lam, "bottleneck": bottleneck}
    reports = tuple(
        Report(epoch, measured(point, epoch), rung=False, decision=Decision.CONTINUE, checkpoint=None, time=0.0)
        for epoch in range(1, epochs + 1)
    )
    return TrialRecord(number, point, outcome, 0.0, 1.0, reports)


def chosen(trials: list[TrialRecord], earlier: Space = EARLIER, space: Space = SPACE) -> list[EarlierTrial]:
    return earlier_trials("old", earlier, trials, space)


def test_trials_are_evidence_at_the_epochs_at_which_the_new_search_compares() -> None:
    whole, stopped = chosen([trial(0), trial(1, 5, Outcome.STOPPED)])
    objectives = ("natural_accuracy", "pgd_accuracy")
    expected = {e: {name: measured(whole.parameters, e)[name] for name in objectives} for e in (1, 3, 9)}
    assert whole.metrics == expected
    assert (whole.search, whole.number, whole.parameters) == ("old", 0, trial(0).parameters)
    assert sorted(stopped.metrics) == [1, 3]


def test_how_often_and_at_which_rungs_trials_are_evaluated_is_free() -> None:
    earlier = small_space(trial={"eval_every": 2}, early_stopping={"grace_epochs": 2})
    space = small_space(trial={"eval_every": 4})
    assert [found.number for found in chosen([trial(0)], earlier, space)] == [0]


def test_trials_with_another_early_attack_are_no_evidence() -> None:
    cheap, cheaper = (small_space(trial={"eval_early_attack_steps": steps}) for steps in (5, 2))
    assert len(chosen([trial(0)], cheap, cheap)) == 1
    for earlier, space in ((cheap, SPACE), (SPACE, cheap), (cheap, cheaper)):
        with raises_about(UsageError, ("--warm-start", "eval_early_attack_steps")):
            chosen([trial(0)], earlier, space)


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.RUNNING])
def test_failed_and_running_trials_are_left_out(outcome: Outcome) -> None:
    assert [found.number for found in chosen([trial(0, outcome=outcome), trial(1)])] == [1]


def test_a_parameter_that_was_not_searched_has_the_value_it_was_trained_with() -> None:
    earlier = small_space(trial={"beta": 0.02})
    space = small_space(parameters={"beta": {"type": "float", "low": 1e-3, "high": 0.1, "log": True}})
    (found,) = chosen([trial(0)], earlier, space)
    assert found.parameters == {**trial(0).parameters, "beta": 0.02}


def test_a_parameter_that_is_not_searched_any_more_must_have_the_new_value() -> None:
    mapping = SPACE.model_dump(mode="json")
    del mapping["parameters"]["bottleneck"]
    space = Space.model_validate({**mapping, "trial": {**mapping["trial"], "bottleneck": 16}})
    found = chosen([trial(0), trial(1, bottleneck=8)], EARLIER, space)
    assert [(t.number, set(t.parameters)) for t in found] == [(0, {"alpha", "lambda"})]


def test_a_trial_outside_the_new_ranges_is_left_out() -> None:
    space = small_space(parameters={"lambda": {"type": "float", "low": 0.5, "high": 2.0}})
    found = chosen([trial(0, lam=0.49), trial(1, lam=2.0)], EARLIER, space)
    assert [t.number for t in found] == [1]


def test_seed_and_place_of_the_data_may_differ() -> None:
    assert len(chosen([trial(0)], small_space(trial={"data_root": "/elsewhere"}, search={"seed": 99}))) == 1


def test_trials_that_lack_a_metric_are_refused_with_its_name() -> None:
    """They would be told as evidence, and no proposal could use them."""
    for wanted in (
        {"objectives": {"parameters": {"reference": 1000}}},
        {"constraints": {"parameters": {"at_most": 1000}}},
    ):
        with raises_about(UsageError, ("--warm-start", "parameters")):
            chosen([trial(0), trial(1)], small_space(), small_space(**wanted))


def test_epochs_without_every_metric_are_no_evidence() -> None:
    whole = trial(0)
    first, *others = whole.reports
    partial = replace(first, metrics={"natural_accuracy": 0.5})
    (found,) = chosen([replace(whole, reports=(partial, *others))])
    assert sorted(found.metrics) == [3, 9]


def test_trials_that_do_not_compare_are_refused_with_the_reasons() -> None:
    with raises_about(UsageError, ("--warm-start", "epochs")) as refused:
        chosen([trial(0), trial(1)], small_space(trial={"epochs": 10}))
    assert all(fact in str(refused.value) for fact in ("old", "2 trials", "10", "9"))
    with raises_about(UsageError, ("--warm-start", "lambda")) as refused:
        chosen([trial(0, lam=50.0)], EARLIER)
    assert all(fact in str(refused.value) for fact in ("50.0", "0.01", "10"))
    with raises_about(UsageError, ("--warm-start",)):
        chosen([])


def test_a_sampler_that_learns_nothing_is_refused() -> None:
    with raises_about(UsageError, ("--warm-start", "search.sampler")):
        chosen([trial(0)], space=small_space(search={"sampler": "random"}))


def test_the_ledger_keeps_the_evidence_as_it_is() -> None:
    found = chosen([trial(0), trial(1, 3, Outcome.STOPPED)])
    assert from_facts(json.loads(json.dumps({FACT: to_fact(found)}))) == found
    assert from_facts({}) == []


def test_losses_of_an_epoch_without_finite_values_do_not_exist() -> None:
    known = EarlierTrial(
        "old", 0, {}, {1: {"natural_accuracy": 0.5, "pgd_accuracy": math.nan}, 3: {"pgd_accuracy": 0.1}}
    )
    assert [known.losses(epoch, SPACE.objective_list) for epoch in (1, 3, 9)] == [None, None, None]


def test_the_sampler_sees_them_before_the_searchs_own_trials(make_ledger: MakeLedger) -> None:
    """Six final values are enough, so that the first proposal already rests on final values."""
    found = chosen([trial(number) for number in range(6)])
    search = Search(SPACE, make_ledger(SPACE, "new", **{FACT: to_fact(found)}))
    known = evidence(
        search.trials, search.knowledge.values, SPACE.objective_list, search.knowledge.failed, search.knowledge.earlier
    )
    assert [point for point, _ in known.measured] == [t.parameters for t in found]
    finals = np.array([row for _, row in known.measured])
    assert np.array_equal(-finals[:, 0], [measured(t.parameters, 9)["natural_accuracy"] for t in found])
    assert known.tried == []
    assert search.trials == []


def test_five_final_values_are_too_few_and_the_rung_below_is_taken(make_ledger: MakeLedger) -> None:
    found = chosen([trial(number) for number in range(5)] + [trial(5, 3, Outcome.STOPPED)])
    search = Search(SPACE, make_ledger(SPACE, "new", **{FACT: to_fact(found)}))
    known = evidence(
        search.trials, search.knowledge.values, SPACE.objective_list, search.knowledge.failed, search.knowledge.earlier
    )
    assert len(known.measured) == 6
    assert -known.measured[0][1][0] == measured(found[0].parameters, 3)["natural_accuracy"]


def test_a_warm_start_leads_to_better_first_trials(make_ledger: MakeLedger) -> None:
    """The formula's quality is best at alpha 0.3 and the largest bottleneck."""
    earlier_ledger = make_ledger(EARLIER, "old")
    drive(Search(EARLIER, earlier_ledger))
    found = chosen(earlier_ledger.load())

    def mean_quality(name: str, **facts: Any) -> float:
        search = Search(SPACE, make_ledger(SPACE, name, **facts))
        drive(search)
        points = [t.parameters for t in search.trials]
        return float(np.mean([1 - (p["alpha"] - 0.3) ** 2 - 2 / p["bottleneck"] for p in points]))

    assert mean_quality("warm", **{FACT: to_fact(found)}) > mean_quality("cold") + 0.05


def test_a_resumed_search_proposes_the_same_without_the_earlier_one(make_ledger: MakeLedger, runs_dir: Path) -> None:
    earlier_ledger = make_ledger(EARLIER, "old")
    drive(Search(EARLIER, earlier_ledger))
    fact = warm_start_fact([read_earlier(runs_dir, "old", SPACE, None)], SPLIT_DIGEST)
    whole, broken = (make_ledger(SPACE, name, **{FACT: fact}) for name in ("whole", "broken"))
    drive(Search(SPACE, whole))
    first = Search(SPACE, broken)
    for _ in range(4):
        assignment = first.next_assignment()
        assert assignment is not None
        train(first, assignment)
    shutil.rmtree(runs_dir / "old")
    drive(Search(SPACE, broken))
    points = [[t["parameters"] for t in on_record(ledger)] for ledger in (whole, broken)]
    assert points[0] == points[1]
    cold = make_ledger(SPACE, "cold")
    drive(Search(SPACE, cold))
    assert points[0] != [t["parameters"] for t in on_record(cold)]


def test_other_validation_images_are_refused() -> None:
    search = EarlierSearch("old", tuple(chosen([trial(0)])), "abc")
    assert warm_start_fact([search], "abc") == to_fact(search.trials)
    with pytest.raises(UsageError) as refused:
        warm_start_fact([search], "def")
    assert all(fact in str(refused.value) for fact in ("--warm-start old", "abc", "def"))


def test_a_confirmation_is_refused_because_it_has_seen_the_test_set(make_ledger: MakeLedger, runs_dir: Path) -> None:
    confirmed = {"search": "digits-1", "search_id": "digits-1-id", "trials": [3]}
    confirmation = Space.model_validate({**EARLIER.model_dump(), "confirm": confirmed})
    make_ledger(confirmation, "digits-1-confirm")
    with raises_about(ConfirmationError, "digits-1-confirm") as refused:
        read_earlier(runs_dir, "digits-1-confirm", SPACE, None)
    assert refused.value.search == "digits-1"


def test_trials_that_other_code_has_measured_are_refused(
    make_ledger: MakeLedger, runs_dir: Path, tmp_path: Path
) -> None:
    metric = "own_count:count"
    with plug_ins(tmp_path, {"own_count.py": "def count(model):\n    return 1.0\n"}) as folder:
        space = small_space(objectives={metric: {}})
        search = Search(space, make_ledger(space, "old"))
        facts = frozen_facts(search_id="old-0a1b2c3d", **plug_ins_fact(plug_ins_of(space)))
        SearchFolder(runs_dir / "old").freeze(space, facts)
        search.next_assignment()
        search.report(0, 9, {"natural_accuracy": 0.5, "pgd_accuracy": 0.25, metric: 1.0}, None)
        assert len(read_earlier(runs_dir, "old", space, None).trials) == 1
        (folder / "own_count.py").write_text("def count(model):\n    return 2.0\n")
        with raises_about(UsageError, "own_count"):
            read_earlier(runs_dir, "old", space, None)
        assert len(read_earlier(runs_dir, "old", space, None, accept_changed_code=True).trials) == 1


def test_the_forecast_needs_trials_that_were_evaluated_at_its_first_rung() -> None:
    late = replace(trial(0), reports=trial(0).reports[1:])
    forecast = small_space(search={"sampler": "forecast"})
    assert [found.number for found in chosen([late, trial(1)], space=forecast)] == [1]
    assert [found.number for found in chosen([late, trial(1)])] == [0, 1]
    with raises_about(UsageError, ("--warm-start", "epochs")) as caught:
        chosen([late], space=forecast)
    assert "epoch 1" in str(caught.value)
