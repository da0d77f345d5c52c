"""The names of the suites of attacks, and the registered attacks of each.

A command needs the names for its help, where torch must not be imported.
"""

from enum import StrEnum


class SuiteName(StrEnum):
    """A suite of an evaluation."""

    QUICK = "quick"
    PAPER = "paper"
    PAPER_AS_RUN = "paper_as_run"
    STANDARD = "standard"


# Table 2 names APGD-DLR and FAB among the members of AutoAttack. The official AutoAttack has the targeted APGD-T and
# FAB-T in their place; `paper_as_run` has both.
_PAPER = ("pgd20", "pgd40", "cw", "autoattack")
# From the weakest to the strongest. `paper_as_run` also has the attacks of torchattacks, whose names depend on the
# sizes of the evaluation (training/evaluation/paper_as_run.py).
SUITES: dict[SuiteName, tuple[str, ...]] = {
    SuiteName.QUICK: ("noise", "fgsm", "pgd20", "apgd_ce", "apgd_t"),
    SuiteName.PAPER: _PAPER,
    SuiteName.PAPER_AS_RUN: _PAPER,
    SuiteName.STANDARD: (
        *("noise", "fgsm", "pgd20", "pgd40", "pgd100", "pgd100_margin"),
        *("cw", "cw_strong", "latent", "apgd_dlr", "autoattack"),
    ),
}
