"""What a decision at a rung and a proposal cost in a long search, and how both grow with its length.

Run:  python -m benchmarks.decisions
Simulates a search of a task with two objectives in this process, with a ledger in memory, so that only
`tuner.search.Search` is timed. The decisions are those at the first rung, which every trial reaches. The figures are
milliseconds of CPU time of this process, mean and largest of n. `report_beside_proposal_ms` is by the clock: how long
reports take, at epochs that are no rung, while another thread works on a proposal. Writes
benchmarks/results/decisions.json with hardware, versions, date and command.
"""

import argparse
import itertools
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from tqdm import tqdm

from benchmarks.search_quality.searchers import OwnSearch, TaskSpace, space_of
from benchmarks.search_quality.simulate import simulate
from benchmarks.search_quality.tasks import LOSSES, Task, trade_off
from benchmarks.surroundings import command, surroundings, write_result
from tuner.ledger import MemoryLedger
from tuner.search import Search
from tuner.space.samplers import facts_of

_RESULT = Path(__file__).parent / "results" / "decisions.json"
_RUNNING = 30


class Case(NamedTuple):
    """What is timed: a sampler and a scheduler, how trials were stopped before, and how many of both are timed."""

    sampler: str
    scheduler: str
    scheduler_before: str
    decisions: int = 200
    proposals: int = 20


_CASES = {
    "motpe + MO-ASHA": Case("motpe", "mo_asha", "mo_asha"),
    "motpe, every trial fully trained": Case("motpe", "none", "none"),
    "forecast": Case("forecast", "forecast", "mo_asha", decisions=40),
}
_WANTED_MS = {
    "motpe": {"decision_ms": 5.0, "proposal_ms": 100.0},
    "forecast at 500": {"decision_ms": 200.0, "proposal_ms": 1000.0, "report_beside_proposal_ms": 50.0},
    "forecast at 10,000": {"decision_ms": 3000.0, "proposal_ms": 3000.0},
}


def main() -> None:
    """Time both at several lengths of a search, and print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[100, 500, 1_000, 10_000])
    parser.add_argument("--cases", nargs="+", choices=list(_CASES), default=list(_CASES))
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    task = trade_off()
    found: dict[str, dict[str, Any]] = {}
    for trials in tqdm(arguments.trials, unit="length"):
        found[str(trials)] = {case: measured(task, trials, _CASES[case]) for case in arguments.cases}
    result = {
        "command": command("decisions"),
        "wanted_mean_ms": _WANTED_MS,
        "trials": found,
        **surroundings(("optuna", "numpy")),
    }
    write_result(_RESULT, result)


def measured(task: Task, trials: int, case: Case) -> dict[str, dict[str, float]]:
    """Grow a search of random points to `trials` trials, and time decisions and proposals on it."""
    ledger = MemoryLedger()
    grow(task, space_of(task, {"sampler": "random"}, {"scheduler": case.scheduler_before}), ledger, trials)
    search = Search(space_of(task, {"sampler": case.sampler}, {"scheduler": case.scheduler}), ledger)
    proposals: list[float] = []
    decisions: list[float] = []
    while len(decisions) < case.decisions:
        milliseconds, assignment = _timed(search.next_assignment)
        if len(proposals) < case.proposals:
            proposals.append(milliseconds)
        if assignment is None:
            raise RuntimeError("The search ended, but this benchmark needs one without a limit of trials or epochs.")
        losses = task.curve(assignment.parameters)[: task.grace_epochs].tolist()
        reports = [
            partial(search.report, assignment.number, epoch + 1, _metrics(row), None)
            for epoch, row in enumerate(losses)
        ]
        decisions.append([_timed(report)[0] for report in reports][-1])
    found = {"decision_ms": _summary(decisions), "proposal_ms": _summary(proposals)}
    if facts_of(case.sampler).slow:
        found["report_beside_proposal_ms"] = _summary(_reports_beside_a_proposal(task, search))
    return found


def _reports_beside_a_proposal(task: Task, search: Search) -> list[float]:
    """Time reports of new trials, one every 5 ms, until the work of a proposal in another thread ends."""
    started = [search.next_assignment() for _ in range(_RUNNING)]
    reports = (
        partial(search.report, each.number, epoch, _metrics(task.curve(each.parameters)[epoch - 1].tolist()), None)
        for epoch, each in itertools.product(range(1, task.grace_epochs), filter(None, started))
    )
    work = search.slow_proposal()
    assert work is not None
    thread = threading.Thread(target=work)
    thread.start()
    found: list[float] = []
    for report in reports:
        begin = time.perf_counter()
        report()
        found.append(1000 * (time.perf_counter() - begin))
        if not thread.is_alive():
            break
        time.sleep(0.005)
    thread.join()
    return found


def grow(task: Task, space: TaskSpace, ledger: MemoryLedger, trials: int) -> None:
    """Run a search of `trials` trials until all of them have ended."""
    searcher = _Limited(space, ledger, trials)
    simulate(task, searcher, workers=16, max_epochs=trials * task.epochs)


class _Limited(OwnSearch):
    """A search on a given ledger that proposes at most `trials` trials."""

    def __init__(self, space: TaskSpace, ledger: MemoryLedger, trials: int) -> None:
        super().__init__(space, ledger)
        self._left = trials

    def next(self) -> tuple[int, dict[str, Any]] | None:
        self._left -= 1
        return super().next() if self._left >= 0 else None


def _metrics(losses: list[float]) -> dict[str, float]:
    return dict(zip(LOSSES, losses, strict=True))


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    started = time.process_time()
    value = call()
    return 1000 * (time.process_time() - started), value


def _summary(milliseconds: list[float]) -> dict[str, float]:
    return {"mean": round(sum(milliseconds) / len(milliseconds), 3), "largest": round(max(milliseconds), 3)}


if __name__ == "__main__":
    main()
