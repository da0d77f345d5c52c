"""A table on terminals of any width."""

from fake_search import printed
from hypothesis import given
from hypothesis import strategies as st

from tuner.report.console.rich_table import drop_columns, rich_table
from tuner.report.text import TextTable


@given(st.integers(40, 200), st.text(st.characters(categories=["L"]), min_size=1, max_size=40))
def test_text_is_broken_and_numbers_never_are(width: int, name: str) -> None:
    text_table = TextTable(
        ["Search", "Natural %", "Hypervolume"], [[name, "91.25", "0.1234"], ["other", "9.00", "0.5"]]
    )
    lines = printed(rich_table("Fronts", "", text_table, ""), width).splitlines()
    assert all(len(line) <= width for line in lines)
    for row in text_table.rows:
        assert any(line.split()[-2:] == row[-2:] for line in lines)


def test_columns_that_do_not_fit_are_dropped_from_the_right_but_for_the_last() -> None:
    text_table = TextTable(["Trial", "PGD %", "alpha", "beta", "end"], [["0", "50.00", "0.25", "0.001", "x"]])
    assert drop_columns(text_table, 80, kept=2) == text_table
    assert drop_columns(text_table, 28, kept=2).headings == ["Trial", "PGD %", "alpha", "end"]
    assert drop_columns(text_table, 1, kept=2) == TextTable(["Trial", "PGD %", "end"], [["0", "50.00", "x"]])


def test_no_heading_reads_downwards() -> None:
    text_table = TextTable(["Epochs", "Hypervolume"], [["9", "1"], ["8", "2"]])
    lines = printed(rich_table("", "", text_table, ""), 20).splitlines()
    assert any("Epochs" in line for line in lines)
    assert any("Hyperv" in line for line in lines)
