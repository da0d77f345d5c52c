"""Proposals that take seconds, made in a thread of their own: meanwhile trials report and get their decisions."""

from concurrent.futures import Future, ThreadPoolExecutor

from tuner.search import Search


class SlowProposals:
    """Has the next proposal of a search made in another thread, one at a time."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="proposal")
        self._working: Future[None] | None = None

    def ready(self) -> bool:
        """Return whether `next_assignment` answers at once; else the work is under way. Raise its error, if it had one.

        A proposal knows what was measured when this was first asked.
        """
        if self._working is None:
            work = self._search.slow_proposal()
            if work is None:
                return True
            self._working = self._thread.submit(work)
        if not self._working.done():
            return False
        done, self._working = self._working, None
        done.result()
        return True
