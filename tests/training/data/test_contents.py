import re

from training.data.contents import PartContents, lines_of

EQUAL = PartContents("train", {"ant": 3, "bee": 3}, ())
UNEQUAL = PartContents("test", {"ant": 4, "bee": 3}, ("ant: 2 files ending in .txt are not read",))
MANY = PartContents("train", {f"class {label}": 1000 + label for label in range(100)}, ())


def _numbers(contents: PartContents) -> list[int]:
    return [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", contents.lines[0])]


def test_a_line_counts_all_images_and_those_of_the_classes() -> None:
    assert _numbers(EQUAL) == [6, 2, 3], "images, classes, images of each class"
    assert _numbers(UNEQUAL) == [7, 4, 3], "images, images of each class"
    assert all(name in UNEQUAL.lines[0] for name in ("ant: 4", "bee: 3"))
    assert _numbers(MANY) == [104_950, 100, 1000, 1099], "images, classes, smallest and largest class"


def test_what_is_not_read_follows_the_counts_of_its_part() -> None:
    assert UNEQUAL.lines[1:] == list(UNEQUAL.left_out)
    assert lines_of([EQUAL, UNEQUAL]) == [*EQUAL.lines, *UNEQUAL.lines]
