"""How ledger values become MLflow's tags, parameters and metrics."""

import math
from dataclasses import replace

import pytest
from conditional_spaces import methods_space
from mlflow.entities import Metric, Param, RunTag
from simulated_search import small_space

from tuner.ledger import Decision, Outcome, Report, TrialRecord
from tuner.report.analysis.front_history import HistoryEntry
from tuner.report.analysis.front_points import CompletedTrial
from tuner.tracking import layout

SPACE = small_space(trial={"epsilon": "8/255"})
POINT = {"alpha": 0.25, "lambda": 2.0, "bottleneck": 16}


def report(epoch: int, natural: float = 0.5, checkpoint: str | None = None) -> Report:
    metrics = {"natural_accuracy": natural, "pgd_accuracy": 0.25, "loss/total": 1.5}
    return Report(epoch, metrics, rung=False, decision=Decision.CONTINUE, checkpoint=checkpoint, time=100 + epoch / 8)


TRIAL = TrialRecord(7, POINT, Outcome.RUNNING, started=100.0, reports=(report(1), report(2), report(3, 0.75)))
COMPLETED = replace(TRIAL, outcome=Outcome.COMPLETED, ended=200.25)


def values(items: list[Param] | list[RunTag]) -> dict[str, str]:
    assert len({item.key for item in items}) == len(items)
    return {item.key: item.value for item in items}


def numbers(metrics: list[Metric]) -> list[tuple[str, float, int, int]]:
    return [(m.key, m.value, m.timestamp, m.step) for m in metrics]


def test_a_childs_parameters_are_the_searched_ones_and_the_fixed_ones() -> None:
    expected = {"alpha": "0.25", "lambda": "2.0", "bottleneck": "16", "dataset": "digits", "epsilon": "8/255"}
    assert values(layout.trial_parameters(SPACE, TRIAL)).items() >= expected.items()


def test_the_parents_parameters_are_the_space_without_what_an_extension_changes() -> None:
    parameters = values(layout.search_parameters(SPACE))
    assert set(parameters["parameters.lambda"].split()) == {"type=float", "low=0.01", "high=10.0", "log=True"}
    assert (parameters["trial.epochs"], parameters["seed"], parameters["sampler"]) == ("9", "3", "motpe")
    assert (parameters["grace_epochs"], parameters["reduction_factor"]) == ("1", "3")
    assert not any("trials" in key for key in parameters)


def test_no_parameter_is_longer_than_mlflow_takes() -> None:
    long = small_space(trial={"data_root": "/" + "x" * 7000})
    assert max(map(len, values(layout.trial_parameters(long, TRIAL)).values())) == 6000
    assert max(map(len, values(layout.search_parameters(long)).values())) == 6000


def test_epochs_carry_their_number_as_step_and_the_ledgers_time() -> None:
    assert numbers(layout.epoch_metrics(TRIAL, after=1)) == [
        ("natural_accuracy", 0.5, 100_250, 2),
        ("pgd_accuracy", 0.25, 100_250, 2),
        ("loss/total", 1.5, 100_250, 2),
        ("natural_accuracy", 0.75, 100_375, 3),
        ("pgd_accuracy", 0.25, 100_375, 3),
        ("loss/total", 1.5, 100_375, 3),
    ]
    assert layout.epoch_metrics(TRIAL, after=3) == []


def test_final_accuracies_are_those_of_completed_trials() -> None:
    assert numbers(layout.final_metrics(COMPLETED, SPACE.objective_list)) == [
        ("epochs_trained", 3, 200_250, 0),
        ("final/natural_accuracy", 0.75, 200_250, 0),
        ("final/pgd_accuracy", 0.25, 200_250, 0),
    ]
    for outcome in (Outcome.STOPPED, Outcome.FAILED):
        ended = replace(COMPLETED, outcome=outcome)
        assert numbers(layout.final_metrics(ended, SPACE.objective_list)) == [("epochs_trained", 3, 200_250, 0)]


def test_tags_of_an_end() -> None:
    assert values(layout.end_tags(COMPLETED)) == {"outcome": "completed"}
    stopped = replace(COMPLETED, outcome=Outcome.STOPPED, reports=(report(1), report(4, checkpoint="ray/there")))
    assert values(layout.end_tags(stopped)) == {
        "outcome": "stopped",
        "stopped_at_epoch": "4",
        "checkpoint": "ray/there",
    }
    failed = replace(COMPLETED, outcome=Outcome.FAILED, reports=(), error="x" * 9000 + " the reason")
    tags = values(layout.end_tags(failed))
    assert tags["outcome"] == "failed"
    assert len(tags["error"]) == 4000
    assert tags["error"].endswith("the reason")


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.RUNNING, None),
        (Outcome.COMPLETED, "FINISHED"),
        (Outcome.STOPPED, "FINISHED"),
        (Outcome.FAILED, "FAILED"),
    ],
)
def test_an_outcome_has_a_status(outcome: Outcome, status: str | None) -> None:
    assert layout.run_status(replace(TRIAL, outcome=outcome)) == status


def candidate(rank: int, epoch: int | None = None) -> CompletedTrial:
    return CompletedTrial(7, {}, {}, epochs=9, pareto_rank=rank, epoch=epoch)


def test_pareto_tags_and_the_metrics_of_the_front() -> None:
    assert values(layout.pareto_tags([candidate(0)])) == {"pareto": "front", "pareto_rank": "0"}
    assert values(layout.pareto_tags([candidate(3)])) == {"pareto": "dominated", "pareto_rank": "3"}
    several = [candidate(0, epoch=2), candidate(4, epoch=5), candidate(0, epoch=9)]
    assert values(layout.pareto_tags(several)) == {"pareto": "front", "pareto_rank": "0", "front_epochs": "2, 9"}
    fallen = {"pareto": "dominated", "pareto_rank": "1", "front_epochs": ""}
    assert values(layout.pareto_tags([candidate(1, epoch=2)])) == fallen
    repeat = replace(candidate(0), repeat_of=3)
    assert values(layout.pareto_tags([repeat])) == {"repeat_of": "3"}, "it is no point of the front itself"
    entry = HistoryEntry(4, 12.5, hypervolume=0.3, front_size=2, best={"natural_accuracy": 0.9})
    assert numbers(layout.growth_metrics([entry, entry], after=1)) == [
        ("hypervolume", 0.3, 12_500, 2),
        ("front_size", 2.0, 12_500, 2),
        ("best_natural_accuracy", 0.9, 12_500, 2),
    ]


def test_accuracies_come_first_and_diagnostics_last_in_a_folder_of_their_own() -> None:
    names = ["gradient_norm/kl", "loss/total", "diagnostic/hsic", "natural_accuracy", "lambda", "pgd_accuracy"]
    reported = replace(report(1), metrics=dict.fromkeys(names, 1.0))
    written = [metric.key for metric in layout.epoch_metrics(replace(TRIAL, reports=(reported,)), after=0)]
    assert written == [
        "natural_accuracy",
        "lambda",
        "pgd_accuracy",
        "loss/total",
        "diagnostics/gradient_norm_kl",
        "diagnostics/hsic",
    ]


def test_a_runs_source_and_data_are_those_of_the_search() -> None:
    commit = "mlflow.source.git.commit"
    assert layout.source_tags(SPACE, "0123abcd")[commit] == "0123abcd"
    assert commit not in layout.source_tags(SPACE, None)
    for settings in (layout.trial_parameters(SPACE, TRIAL), layout.search_parameters(SPACE)):
        data = layout.dataset_input(SPACE, settings, "0123456789abcdef")
        assert data is not None
        assert (data.dataset.name, data.dataset.digest) == ("digits", "0123456789abcdef")
    assert layout.dataset_input(SPACE, [], "0123456789abcdef") is None


def test_a_nan_stays_one() -> None:
    (first, *_) = layout.epoch_metrics(replace(TRIAL, reports=(report(1, math.nan),)), after=0)
    assert math.isnan(first.value)


def test_a_child_run_has_the_settings_that_its_trial_uses() -> None:
    space = methods_space(trial={"beta": 0.02, "max_margin": 0.2})
    point = {"objective": "trades", "bottleneck": 8, "trades_lambda": 2.0}
    written = values(layout.trial_parameters(space, TrialRecord(0, point, Outcome.RUNNING, started=0.0)))
    assert (written["objective"], written["bottleneck"]) == ("trades", "8")
    assert (written["trades_lambda"], written["lambda"]) == ("2.0", "2.0")
    assert not {"beta", "max_margin", "alpha", "si_lambda"} & written.keys()
