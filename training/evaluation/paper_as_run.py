"""The suite `paper_as_run`: Table 2 of Yu et al. 2023 as torchattacks runs it, beside the attacks of the suite `paper`.

Section 4.3 says that all attacks come from torchattacks, and that AutoAttack is APGD-CE, APGD-DLR and FAB with 100
steps and Square with 5,000 queries. The suite `paper` has the official AutoAttack instead, whose APGD and FAB are
targeted, and a C&W attack that moves every pixel. Here each of the four runs on all images, and the worst case over
them stands for the paper's AutoAttack.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from training.attacks.from_torchattacks import PREFIX
from training.evaluation.result import AttackResult, Evaluation

_MARK = "torchattacks-"
_STEPS, _QUERIES = 100, 5000
# For each row: the start of the name in the suite `paper`, and the start and a part of the name of torchattacks. The
# first member of the official cascade runs on every image, so it is a result of its own.
_PAIRS = (
    ("PGD-20", "PGD-20", "PGD(", "steps=20"),
    ("PGD-40", "PGD-40", "PGD(", "steps=40"),
    ("C&W", "C&W", "CW(", ""),
    ("APGD-CE", "APGD-CE", "APGD(", "loss=ce"),
    ("APGD-DLR", None, "APGD(", "loss=dlr"),
    ("FAB", None, "FAB(", ""),
    ("Square", None, "Square(", ""),
)
_AUTOATTACK, _MEMBERS = "AutoAttack", ("APGD-CE", "APGD-DLR", "FAB", "Square")


@dataclass(frozen=True, slots=True)
class Difference:
    """One attack of Table 2: its accuracy in the suite `paper` and as torchattacks runs it, each in [0, 1] or None."""

    attack: str
    paper: float | None
    as_run: float | None

    @property
    def difference(self) -> float | None:
        """Return how much more accuracy torchattacks leaves, or None if one of the two was not measured."""
        return None if self.paper is None or self.as_run is None else self.as_run - self.paper

    def to_mapping(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "difference": self.difference}


def names_as_run(step_size: float, rate: float, classes: int) -> tuple[str, ...]:
    """Return the attacks of Table 2 by their names in torchattacks, for the step size of PGD and the rate of C&W.

    The radius is that of the evaluation. With fewer than three classes there is no DLR loss.
    """
    return (
        *(f"{PREFIX}PGD(steps={steps}, alpha={step_size!r})" for steps in (20, 40)),
        f"{PREFIX}CW(c=1, kappa=0, steps=20, lr={rate!r})",
        f"{PREFIX}APGD(loss=ce, steps={_STEPS})",
        *([f"{PREFIX}APGD(loss=dlr, steps={_STEPS})"] if classes > 2 else []),
        f"{PREFIX}FAB(steps={_STEPS})",
        f"{PREFIX}Square(n_queries={_QUERIES})",
    )


def differences(evaluation: Evaluation) -> list[Difference]:
    """Return a row for each attack of Table 2, the last one for AutoAttack as a whole."""
    shown = [result for result in evaluation.attacks if not result.curve]
    found: dict[str, AttackResult] = {}
    rows = []
    for attack, own, theirs, part in _PAIRS:
        ours = [r for r in shown if own is not None and r.name.startswith(own)]
        as_run = [r for r in shown if r.name.startswith(f"{_MARK}{theirs}") and part in r.name]
        if as_run:
            found[attack] = as_run[0]
        rows.append(Difference(attack, _accuracy(ours), _accuracy(as_run)))
    whole = [r for r in shown if r.name == _AUTOATTACK]
    members = [found[attack] for attack in _MEMBERS if attack in found]
    return [*rows, Difference(_AUTOATTACK, _accuracy(whole), _worst_case(evaluation.natural, members))]


def format_differences(rows: Sequence[Difference]) -> str:
    """Return the rows as a text table in per cent, with the difference in points."""
    cells: list[tuple[str, ...]] = [("Table 2", "paper %", "as run %", "difference"), *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
        for row in cells
    ]
    lines.insert(1, "-" * len(lines[0]))
    return "\n".join(lines)


def _cells(row: Difference) -> tuple[str, ...]:
    change = "-" if row.difference is None else f"{100 * row.difference:+.2f}"
    return (row.attack, *("-" if value is None else f"{100 * value:.2f}" for value in (row.paper, row.as_run)), change)


def _accuracy(results: Sequence[AttackResult]) -> float | None:
    return results[0].accuracy if results else None


def _worst_case(natural: Sequence[bool], members: Sequence[AttackResult]) -> float | None:
    """Return the share of images that are correct when clean and under every member."""
    if not members:
        return None
    return sum(all(flags) for flags in zip(natural, *(member.robust for member in members), strict=True)) / len(natural)
