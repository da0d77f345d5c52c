from tuner.rerank.order import Attacked, reranked
from tuner.rerank.table import rerank_notes, rerank_rows, rerank_text_table

FOUND = [Attacked(0, 0.8, 0.9, 40, 100), Attacked(1, 0.7, 0.95, 60, 100, ("pgd_flatters",))]


def test_a_table_has_the_best_first_with_both_places() -> None:
    table = rerank_text_table(reranked(FOUND))
    assert [row[0] for row in table.rows] == ["1", "0"]
    place = table.headings.index("Place by PGD")
    assert [row[place : place + 3] for row in table.rows] == [["2", "1", "yes"], ["1", "2", "no"]]


def test_rows_have_shares_and_intervals() -> None:
    first, second = rerank_rows(reranked(FOUND))
    assert (first["trial"], first["robust_accuracy"], first["warnings"]) == (1, 0.6, ["pgd_flatters"])
    assert second["robust_interval_95"][0] < 0.4 < second["robust_interval_95"][1]


def test_notes_name_the_attacks_the_agreement_and_the_signs() -> None:
    notes = " ".join(rerank_notes(reranked(FOUND), ["fgsm"]))
    assert all(fact in notes for fact in ("fgsm", "100 validation images", "-1.00", "pgd_flatters"))
    assert len(rerank_notes([], ["fgsm"])) == 1
