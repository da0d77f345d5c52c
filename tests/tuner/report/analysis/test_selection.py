"""What is chosen from a front, and the reasons given for it."""

import pytest
from fake_search import OBJECTIVES, search_of, trial
from hypothesis import given
from hypothesis import strategies as st

from tuner.ledger.records import Outcome
from tuner.pareto.objectives import Objective
from tuner.report.analysis.selection import Selection, Wish, choose

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


@pytest.mark.parametrize(
    ("wish", "chosen", "reason"),
    [
        (Wish({"natural_accuracy": 0.7}), [0, 1, 2], "At least Natural 70.00 %: 3 of the 4 trials on the front."),
        (
            Wish(knee=True),
            [1],
            (
                "Trial 1 is the knee, the best compromise: with every objective scaled to the front's extent, it "
                "lies farthest from the line between the front's ends (trials 0 and 3)."
            ),
        ),
        (
            Wish(max_loss=0.01),
            [1],
            (
                "Trial 1 has the best PGD accuracy, 50.00 %, of the 2 trials within 1.00 point of the best natural "
                "accuracy, 90.00 % (trial 0): it gives up 1.00 point of it for 40.00 points of PGD accuracy."
            ),
        ),
        (
            Wish(max_loss=0.0),
            [0],
            (
                "Trial 0 has the best natural accuracy, 90.00 %, and no other trial of the front is within 0.00 "
                "points of it."
            ),
        ),
        (Wish(trial=2), [2], "Trial 2 was chosen by its number; it is on the front."),
        (
            Wish(trial=4),
            [4],
            (
                "Trial 4 was chosen by its number; it is not on the front: trial 1 (Natural 89.00 %, PGD 50.00 %) "
                "beats it."
            ),
        ),
        (Wish(trial=5), [], "Trial 5 was stopped after 13 epochs and has no final values. Choose a completed trial."),
        (
            Wish(trial=6),
            [],
            "Trial 6 is still running after 0 epochs and has no final values. Choose a completed trial.",
        ),
        (Wish(trial=7), [], "There is no trial 7: the trials are numbered 0 to 6."),
    ],
)
def test_a_choice_and_its_reason(wish: Wish, chosen: list[int], reason: str) -> None:
    selection = choose(DATA, wish)
    assert numbers(selection) == chosen
    assert selection.reasons == (reason,)


def test_minimums_narrow_the_front_before_anything_is_chosen_from_it() -> None:
    wish = Wish({"pgd_accuracy": 0.55}, max_loss=0.05)
    assert numbers(choose(DATA, wish)) == [2]
    assert choose(DATA, wish).reasons[0] == "At least PGD 55.00 %: 2 of the 4 trials on the front."
    narrowed = choose(DATA, Wish({"pgd_accuracy": 0.55}, knee=True))
    assert narrowed.trials == ()
    assert narrowed.reasons[-1] == "The knee of the front, trial 1, is not among them."


def test_the_best_of_what_minimums_leave_is_not_called_the_best_of_all() -> None:
    """Trial 0 is the best, with 90 %."""
    assert choose(DATA, Wish({"pgd_accuracy": 0.3}, max_loss=0.2)).reasons[-1] == (
        "Trial 2 has the best PGD accuracy, 55.00 %, of the 2 trials within 20.00 points of the best natural accuracy "
        "among those, 89.00 % (trial 1): it gives up 19.00 points of it for 5.00 points of PGD accuracy."
    )
    assert choose(DATA, Wish({"pgd_accuracy": 0.55}, max_loss=0.01)).reasons[-1] == (
        "Trial 2 has the best natural accuracy among those, 70.00 %, and no other of them is within 1.00 point of it."
    )
    last = choose(DATA, Wish({"pgd_accuracy": 0.6}, max_loss=0.01))
    assert last.reasons[-1] == "Trial 3 is the only one to choose from."


def test_one_is_counted_as_one() -> None:
    alone = search_of([trial(0, 0.9, 0.1)])
    assert choose(alone, Wish({"pgd_accuracy": 0.1})).reasons == ("At least PGD 10.00 %: the only trial on the front.",)
    assert choose(alone, Wish(trial=3)).reasons == ("There is no trial 3: the only one is trial 0.",)
    stopped = search_of([trial(0, 0.9, 0.9, outcome=Outcome.STOPPED, epochs=1)])
    assert choose(stopped, Wish(trial=0)).reasons[0].startswith("Trial 0 was stopped after 1 epoch and has no")


def test_metrics_are_abbreviated_as_everywhere() -> None:
    objectives = [OBJECTIVES[0], Objective("fgsm_accuracy", maximise=True)]
    records = [trial(n, 0.9 - n / 10, 0.0) for n in range(2)]
    for n, record in enumerate(records):
        record.reports[0].metrics["fgsm_accuracy"] = n / 10
    assert "the best FGSM accuracy, 10.00 %" in choose(search_of(records, objectives), Wish(max_loss=0.2)).reasons[0]


def test_where_nothing_meets_the_minimums_the_nearest_is_named_with_what_it_lacks() -> None:
    selection = choose(DATA, Wish({"natural_accuracy": 0.895, "pgd_accuracy": 0.52}))
    assert selection.trials == ()
    assert selection.reasons == (
        (
            "No trial of the front has at least Natural 89.50 % and at least PGD 52.00 %. The nearest is trial 1 "
            "(Natural 89.00 %, PGD 50.00 %), which lacks 0.50 points of natural accuracy and 2.00 points of PGD "
            "accuracy."
        ),
    )


@pytest.mark.parametrize("wish", [Wish(), Wish({"pgd_accuracy": 0.5}), Wish(knee=True), Wish(max_loss=0.1)])
def test_without_a_front_there_is_nothing_to_choose(wish: Wish) -> None:
    assert choose(EMPTY, wish) == Selection((), ("No trial has completed yet, so there is no front to choose from.",))


def test_a_search_without_trials_has_no_number_to_choose() -> None:
    assert choose(search_of([]), Wish(trial=0)).reasons == ("There is no trial 0: no trial has begun.",)


def test_two_trials_have_no_knee() -> None:
    data = search_of([trial(0, 0.9, 0.1), trial(1, 0.8, 0.2)])
    selection = choose(data, Wish(knee=True))
    assert selection.trials == ()
    assert selection.reasons == (
        "A front of fewer than 3 different points has no knee: choose by --min, --max-loss or --trial.",
    )


def test_a_front_that_bends_nowhere_towards_the_ideal_has_no_knee() -> None:
    data = search_of([trial(0, 0.9, 0.3), trial(1, 0.85, 0.35), trial(2, 0.7, 0.5)])
    selection = choose(data, Wish(knee=True))
    assert (data.knee, selection.trials) == (None, ())
    assert selection.reasons[0].startswith("This front bends nowhere towards the ideal: it has no knee")


def test_a_minimum_that_is_written_as_the_table_writes_a_value_is_met_by_it() -> None:
    data = search_of([trial(0, 0.97467, 0.20277), trial(1, 0.9, 0.5)])
    assert numbers(choose(data, Wish({"natural_accuracy": 0.9747}))) == [0]
    assert numbers(choose(data, Wish({"natural_accuracy": 0.9748}))) == []
    assert "lacks 0.01 points of natural accuracy" in choose(data, Wish({"natural_accuracy": 0.9748})).reasons[0]
    assert numbers(choose(data, Wish({"natural_accuracy": 0.9747, "pgd_accuracy": 0.2028}))) == [0]


LIMITED = search_of(
    [trial(0, 0.9, 0.1), trial(1, 0.89, 0.4), trial(2, 0.85, 0.45), trial(3, 0.7, 0.7)],
    (Objective("natural_accuracy", maximise=True, limit=0.8), Objective("pgd_accuracy", maximise=True)),
)


def test_choices_keep_to_the_limits_of_the_search() -> None:
    within = "Within the limits of the search (at least Natural 80.00 %): 3 of the 4 trials on the front."
    for wish, chosen in [(Wish(knee=True), 1), (Wish(max_loss=0.3), 2)]:
        selection = choose(LIMITED, wish)
        assert (numbers(selection), selection.reasons[0]) == ([chosen], within)
    assert LIMITED.knee == 1
    assert choose(LIMITED, Wish()).trials == LIMITED.front
    both = choose(LIMITED, Wish({"pgd_accuracy": 0.4}))
    assert both.reasons[0] == (
        "Within the limits of the search (at least Natural 80.00 %) and at least PGD 40.00 %: 2 of the 4 trials on the "
        "front."
    )
    too_much = choose(LIMITED, Wish({"pgd_accuracy": 0.6})).reasons[0]
    assert too_much.startswith(
        "No trial of the front within the limits of the search (at least Natural 80.00 %) has at least PGD 60.00 %. "
        "The nearest is trial 2 "
    )
    (beyond,) = choose(LIMITED, Wish(trial=3)).reasons
    assert beyond.endswith("; it is beyond the limits of the search (at least Natural 80.00 %).")
    none_left = search_of([trial(0, 0.7, 0.7)], LIMITED.objectives)
    assert choose(none_left, Wish(knee=True)).reasons == (
        "No trial of the front is within the limits of the search (at least Natural 80.00 %).",
    )


def test_a_value_that_is_not_finite_is_no_final_value() -> None:
    selection = choose(search_of([trial(0, float("nan"), 0.1)]), Wish(trial=0))
    assert selection.reasons[0].startswith("Trial 0 ended with a value that is not finite")


def test_three_objectives_gain_in_the_last() -> None:
    objectives = [*OBJECTIVES, Objective("autoattack_accuracy", maximise=True)]
    data = search_of([trial(0, 0.9, 0.5, 0.1), trial(1, 0.89, 0.2, 0.3), trial(2, 0.1, 0.6, 0.9)], objectives)
    assert numbers(choose(data, Wish(max_loss=0.02))) == [1]
    assert "smallest sum of losses" in choose(data, Wish(knee=True)).reasons[0]


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
    assert ("The nearest is trial" in selection.reasons[0]) != possible
