"""What is chosen from a front, and the reasons given for it."""

import re

import pytest
from fake_search import OBJECTIVES, REFERENCE, search_of, trial
from hypothesis import given
from hypothesis import strategies as st

from tuner.ledger.records import Outcome
from tuner.pareto.objectives import Objective
from tuner.report.analysis.front_data import front_data
from tuner.report.analysis.selection import Selection, choose
from tuner.report.analysis.wish import Wish, traded

# On the front 0 to 3, of which 1 is the knee; 4 is dominated, 5 was stopped, 6 runs.
DATA = search_of(
    [
        trial(0, 0.90, 0.10),
        trial(1, 0.89, 0.50),
        trial(2, 0.70, 0.55),
        trial(3, 0.60, 0.60),
        trial(4, 0.60, 0.40),
        trial(5, 0.99, 0.99, outcome=Outcome.STOPPED, epochs=13),
        trial(6, outcome=Outcome.RUNNING),
    ]
)
EMPTY = search_of([trial(0, 0.9, 0.9, outcome=Outcome.STOPPED, epochs=13)])


def numbers(selection: Selection) -> list[int]:
    return [chosen.number for chosen in selection.trials]


def test_without_a_wish_the_front_is_given_without_a_word() -> None:
    assert choose(DATA, Wish()) == Selection(DATA.front)


def facts(reason: str) -> str:
    """Return the metrics, states and numbers that a sentence names, in their order."""
    return " ".join(re.findall(r"natural|PGD|FGSM|stopped|running|\d+(?:\.\d+)?", reason, re.IGNORECASE))


@pytest.mark.parametrize(
    ("wish", "chosen", "named"),
    [
        (Wish({"natural_accuracy": 0.7}), [0, 1, 2], "Natural 70.00 3 4"),
        (Wish(knee=True), [1], "1 0 3"),
        (Wish(max_loss=0.01), [1], "1 PGD 50.00 2 1.00 natural 90.00 0 1.00 40.00 PGD"),
        (Wish(max_loss=0.0), [0], "0 natural 90.00 0.00"),
        (Wish(trial=2), [2], "2"),
        (Wish(trial=4), [4], "4 1 Natural 89.00 PGD 50.00"),
        (Wish(trial=5), [], "5 stopped 13"),
        (Wish(trial=6), [], "6 running 0"),
        (Wish(trial=7), [], "7 0 6"),
        (
            Wish({"natural_accuracy": 0.895, "pgd_accuracy": 0.52}),
            [],
            "Natural 89.50 PGD 52.00 1 Natural 89.00 PGD 50.00 0.50 natural 2.00 PGD",
        ),
    ],
)
def test_a_choice_and_what_its_reason_names(wish: Wish, chosen: list[int], named: str) -> None:
    selection = choose(DATA, wish)
    assert numbers(selection) == chosen
    (reason,) = selection.reasons
    assert facts(reason) == named


def test_minimums_narrow_the_front_before_anything_is_chosen_from_it() -> None:
    wish = Wish({"pgd_accuracy": 0.55}, max_loss=0.05)
    assert numbers(choose(DATA, wish)) == [2]
    assert facts(choose(DATA, wish).reasons[0]) == "PGD 55.00 2 4"
    narrowed = choose(DATA, Wish({"pgd_accuracy": 0.55}, knee=True))
    assert narrowed.trials == ()
    assert facts(narrowed.reasons[-1]) == "1", "the knee"


@pytest.mark.parametrize(
    ("wish", "named"),
    [
        # Trial 0 is the best, with 90 %.
        (Wish({"pgd_accuracy": 0.3}, max_loss=0.2), "2 PGD 55.00 2 20.00 natural 89.00 1 19.00 5.00 PGD"),
        (Wish({"pgd_accuracy": 0.55}, max_loss=0.01), "2 natural 70.00 1.00"),
        (Wish({"pgd_accuracy": 0.6}, max_loss=0.01), "3"),
    ],
)
def test_the_best_of_what_minimums_leave_is_not_called_the_best_of_all(wish: Wish, named: str) -> None:
    assert facts(choose(DATA, wish).reasons[-1]) == named


def test_one_is_counted_as_one() -> None:
    alone = search_of([trial(0, 0.9, 0.1)])
    assert facts(choose(alone, Wish({"pgd_accuracy": 0.1})).reasons[0]) == "PGD 10.00"
    assert facts(choose(alone, Wish(trial=3)).reasons[0]) == "3 0"
    stopped = search_of([trial(0, 0.9, 0.9, outcome=Outcome.STOPPED, epochs=1)])
    assert " 1 epoch " in choose(stopped, Wish(trial=0)).reasons[0]


def test_metrics_are_abbreviated_as_everywhere() -> None:
    objectives = [OBJECTIVES[0], Objective("fgsm_accuracy", maximise=True)]
    records = [trial(n, 0.9 - n / 10, 0.0) for n in range(2)]
    for n, record in enumerate(records):
        record.reports[0].metrics["fgsm_accuracy"] = n / 10
    assert "FGSM 10.00" in facts(choose(search_of(records, objectives), Wish(max_loss=0.2)).reasons[0])


@pytest.mark.parametrize("wish", [Wish(), Wish({"pgd_accuracy": 0.5}), Wish(knee=True), Wish(max_loss=0.1)])
def test_without_a_front_there_is_nothing_to_choose(wish: Wish) -> None:
    selection = choose(EMPTY, wish)
    assert (selection.trials, len(selection.reasons)) == ((), 1)


def test_a_search_without_trials_has_no_number_to_choose() -> None:
    assert facts(choose(search_of([]), Wish(trial=0)).reasons[0]) == "0"


def test_two_trials_have_no_knee() -> None:
    data = search_of([trial(0, 0.9, 0.1), trial(1, 0.8, 0.2)])
    selection = choose(data, Wish(knee=True))
    assert selection.trials == ()
    assert facts(selection.reasons[0]) == "3", "the fewest points with a knee"


def test_a_front_that_bends_nowhere_towards_the_ideal_has_no_knee() -> None:
    data = search_of([trial(0, 0.9, 0.3), trial(1, 0.85, 0.35), trial(2, 0.7, 0.5)])
    selection = choose(data, Wish(knee=True))
    assert (data.knee, selection.trials) == (None, ())
    assert all(way in selection.reasons[0] for way in ("--min", "--max-loss", "--trial"))


def test_a_minimum_that_is_written_as_the_table_writes_a_value_is_met_by_it() -> None:
    data = search_of([trial(0, 0.97467, 0.20277), trial(1, 0.9, 0.5)])
    assert numbers(choose(data, Wish({"natural_accuracy": 0.9747}))) == [0]
    assert numbers(choose(data, Wish({"natural_accuracy": 0.9748}))) == []
    assert facts(choose(data, Wish({"natural_accuracy": 0.9748})).reasons[0]).endswith("0.01 natural")
    assert numbers(choose(data, Wish({"natural_accuracy": 0.9747, "pgd_accuracy": 0.2028}))) == [0]


LIMITED = search_of(
    [trial(0, 0.9, 0.1), trial(1, 0.89, 0.4), trial(2, 0.85, 0.45), trial(3, 0.7, 0.7)],
    (Objective("natural_accuracy", maximise=True, limit=0.8), Objective("pgd_accuracy", maximise=True)),
)


def test_choices_keep_to_the_limits_of_the_search() -> None:
    for wish, chosen in [(Wish(knee=True), 1), (Wish(max_loss=0.3), 2)]:
        selection = choose(LIMITED, wish)
        assert (numbers(selection), facts(selection.reasons[0])) == ([chosen], "Natural 80.00 3 4")
    assert LIMITED.knee == 1
    assert choose(LIMITED, Wish()).trials == LIMITED.front
    both = choose(LIMITED, Wish({"pgd_accuracy": 0.4}))
    assert facts(both.reasons[0]) == "Natural 80.00 PGD 40.00 2 4"
    too_much = facts(choose(LIMITED, Wish({"pgd_accuracy": 0.6})).reasons[0])
    assert too_much.startswith("Natural 80.00 PGD 60.00 2 "), "the nearest is trial 2"
    (beyond,) = choose(LIMITED, Wish(trial=3)).reasons
    assert facts(beyond) == "3 Natural 80.00"
    none_left = search_of([trial(0, 0.7, 0.7)], LIMITED.objectives)
    (reason,) = choose(none_left, Wish(knee=True)).reasons
    assert facts(reason) == "Natural 80.00"


def test_a_value_that_is_not_finite_is_no_final_value() -> None:
    selection = choose(search_of([trial(0, float("nan"), 0.1)]), Wish(trial=0))
    assert (selection.trials, facts(selection.reasons[0])) == ((), "0 120")


def test_the_most_robust_of_three_objectives_gains_in_the_last_accuracy() -> None:
    objectives = [*OBJECTIVES, Objective("autoattack_accuracy", maximise=True)]
    data = search_of([trial(0, 0.9, 0.5, 0.1), trial(1, 0.89, 0.2, 0.3), trial(2, 0.1, 0.6, 0.9)], objectives)
    assert numbers(choose(data, Wish(max_loss=0.02))) == [1]
    assert facts(choose(data, Wish(knee=True)).reasons[0]) == str(data.knee), "no ends of a line"


@pytest.mark.parametrize(
    ("names", "pair"),
    [
        (["natural_accuracy", "pgd_accuracy"], ("natural_accuracy", "pgd_accuracy")),
        (["pgd_accuracy", "natural_accuracy"], ("natural_accuracy", "pgd_accuracy")),
        (["seconds", "pgd_accuracy", "natural_accuracy"], ("natural_accuracy", "pgd_accuracy")),
        (["natural_accuracy", "pgd_accuracy", "own:zero_share"], ("natural_accuracy", "pgd_accuracy")),
        (["seconds", "parameters", "gpu_memory"], ("seconds", "gpu_memory")),
    ],
)
def test_what_is_lost_and_what_is_gained(names: list[str], pair: tuple[str, str]) -> None:
    given, gained = traded([Objective(name, maximise=True) for name in names])
    assert (given.name, gained.name) == pair


def test_a_maximum_keeps_the_trials_below_it_and_names_the_nearest() -> None:
    objectives = [OBJECTIVES[0], Objective("pgd_accuracy", maximise=False)]
    data = search_of([trial(0, 0.9, 0.5), trial(1, 0.8, 0.3), trial(2, 0.7, 0.2)], objectives)
    assert numbers(choose(data, Wish(maximums={"pgd_accuracy": 0.3}))) == [1, 2]
    assert numbers(choose(data, Wish({"natural_accuracy": 0.75}, {"pgd_accuracy": 0.3}))) == [1]
    missed = choose(data, Wish({"natural_accuracy": 0.85}, {"pgd_accuracy": 0.48}))
    assert (missed.trials, facts(missed.reasons[0]).split()[-2:]) == ((), ["2.00", "PGD"])


def test_a_front_that_the_constraints_leave_empty_says_so() -> None:
    constraints = [Objective("pgd_accuracy", maximise=True, limit=0.9)]
    data = front_data("example", [trial(0, 0.9, 0.5)], OBJECTIVES[:1], REFERENCE, constraints=constraints)
    selection = choose(data, Wish())
    assert (selection.trials, data.knee, data.hypervolume) == ((), None, 0.0)
    assert "90.00" in selection.reasons[0]
    assert "90.00" in choose(data, Wish(trial=0)).reasons[0]


accuracies = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), min_size=1, max_size=12)


@given(accuracies, st.integers(0, 100))
def test_the_most_robust_trial_loses_no_more_than_allowed_and_none_near_is_more_robust(
    points: list[tuple[int, int]], loss: int
) -> None:
    data = search_of([trial(n, natural / 100, pgd / 100) for n, (natural, pgd) in enumerate(points)])
    (chosen,) = choose(data, Wish(max_loss=loss / 100)).trials
    best = max(natural for natural, _ in points)
    near = [pgd for natural, pgd in points if natural >= best - loss]
    assert points[chosen.number][0] >= best - loss
    assert points[chosen.number][1] == max(near)


@given(accuracies, st.integers(0, 101), st.integers(0, 101))
def test_either_all_that_meets_the_minimums_is_chosen_or_something_is_lacking(
    points: list[tuple[int, int]], natural: int, pgd: int
) -> None:
    data = search_of([trial(n, a / 100, b / 100) for n, (a, b) in enumerate(points)])
    minimums = {"natural_accuracy": natural / 100, "pgd_accuracy": pgd / 100}
    selection = choose(data, Wish(minimums))
    possible = any(a >= natural and b >= pgd for a, b in points)
    assert bool(selection.trials) == possible
    assert facts(selection.reasons[0]).endswith(("natural", "PGD")) != possible, "what is lacking comes last"
