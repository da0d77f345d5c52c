import itertools
import math
from dataclasses import replace

from findings import evaluation, result
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.result import union

FLAGS = st.lists(st.booleans(), min_size=6, max_size=6)


@given(FLAGS, st.lists(st.tuples(FLAGS, st.sampled_from([0.05, 0.1, 0.2])), max_size=4))
def test_the_union_is_at_most_each_of_its_parts_and_falls_with_the_radius(
    natural: list[bool], flags: list[tuple[list[bool], float]]
) -> None:
    attacks = [result(0, of=6, epsilon=e, robust=tuple(bits), name=str(i)) for i, (bits, e) in enumerate(flags)]
    accuracies = [sum(union(natural, attacks, radius)) / 6 for radius in (0.0, 0.05, 0.1, 0.2)]
    assert accuracies[0] == sum(natural) / 6
    assert accuracies == sorted(accuracies, reverse=True)
    for attack, radius in itertools.product(attacks, (0.05, 0.1, 0.2)):
        if attack.epsilon <= radius:
            assert sum(union(natural, attacks, radius)) / 6 <= attack.accuracy
    robust = union(natural, attacks, 0.2)
    assert robust == [all([n, *(a.robust[i] for a in attacks)]) for i, n in enumerate(natural)]


def test_only_l_infinity_counts_in_the_worst_case() -> None:
    found = evaluation(result(500), result(10, family="cw", norm="l2", epsilon=float("inf")))
    assert found.worst_case_accuracy == 0.5
    assert found.to_mapping()["worst_case_by_epsilon"] == {"0.1": 0.5}


def test_a_larger_ball_holds_what_was_found_in_a_smaller_one() -> None:
    found = evaluation(result(300, epsilon=0.05), result(500, epsilon=0.1))
    assert found.to_mapping()["worst_case_by_epsilon"] == {"0.05": 0.3, "0.1": 0.3}


def test_the_curve_begins_with_the_natural_accuracy() -> None:
    found = evaluation(result(800, epsilon=0.05, curve=True), result(100, epsilon=0.2, curve=True), result(300))
    assert found.curve == ((0.0, 0.9), (0.05, 0.8), (0.2, 0.1))
    assert found.worst_case_accuracy == 0.3


def test_distances_are_those_of_the_broken_images() -> None:
    entry = result(998, distances=(1.0, 4.0)).to_mapping()
    assert (entry["broken"], entry["mean_distance"], entry["median_distance"]) == (2, 2.5, 2.5)
    assert result(1000, distances=()).to_mapping()["mean_distance"] is None


def test_in_l2_what_an_attack_without_a_bound_broke_within_the_ball_counts() -> None:
    # Ten images, nine right when clean; C&W breaks the last four of these, at rising distances.
    cw = result(5, of=10, family="cw", norm="l2", epsilon=math.inf, distances=(0.05, 0.1, 0.2, 0.4))
    inside = result(8, of=10, norm="l2", epsilon=0.1)
    other = result(0, of=10, epsilon=0.05)
    found = replace(evaluation(inside, cw, other), norm="l2")
    assert found.worst_case_accuracy == 0.6, "two by C&W, one more by the attack in the ball"
    assert found.radii == [0.1]
    assert [found.accuracy_within(radius) for radius in (0, 0.05, 0.4)] == [0.9, 0.8, 0.5]
