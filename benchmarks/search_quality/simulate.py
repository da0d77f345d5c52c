"""Simulate one search: workers train epoch by epoch and ask after each epoch what their trial does next."""

import heapq
from dataclasses import dataclass

from benchmarks.search_quality.searchers import Losses, Searcher
from benchmarks.search_quality.tasks import Task
from tuner.ledger import Decision
from tuner.pareto.objectives import FloatArray


@dataclass(frozen=True)
class Training:
    """A trial that ended: the epochs that all trials spent by then, its last losses, and if it was fully trained."""

    spent: int
    losses: Losses
    full: bool


def simulate(task: Task, searcher: Searcher, workers: int, max_epochs: int) -> list[Training]:
    """Run a search with the limit `search.max_epochs`, and return its trials in the order of their ends.

    When all trials together have trained `max_epochs`, no trial starts any more. Those that run then continue until
    they are stopped or fully trained. A search therefore spends more than `max_epochs`, and more with more workers.
    A searcher may return a stopped trial again: it is then trained on from the epoch that it has reached.
    """
    events: list[tuple[float, int, int]] = []  # (time, trial, epoch that ends then)
    curves: dict[int, FloatArray] = {}
    lengths: dict[int, float] = {}
    reached: dict[int, int] = {}
    ended: list[Training] = []

    def start(time: float) -> None:
        trial = searcher.next()
        if trial is not None:
            number, point = trial
            curves[number] = task.curve(point)
            lengths[number] = task.seconds(point)
            heapq.heappush(events, (time + lengths[number], number, reached.get(number, 0) + 1))

    for worker in range(workers):
        start(worker * 1e-6)
    spent = 0
    while events:
        time, number, epoch = heapq.heappop(events)
        spent += 1
        first, second = curves[number][epoch - 1].tolist()
        decision = searcher.report(number, epoch, (first, second))
        if decision is Decision.CONTINUE:
            heapq.heappush(events, (time + lengths[number], number, epoch + 1))
            continue
        ended.append(Training(spent, (first, second), decision is Decision.COMPLETE))
        reached[number] = epoch
        del curves[number]
        if spent < max_epochs:
            start(time)
    return ended
