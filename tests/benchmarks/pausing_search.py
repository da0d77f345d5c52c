"""A search in a process of its own that trains each second trial in two parts."""

import sys

from benchmarks.search_quality.competitors.ask_and_tell import Asked, Setting, serve


class PausingSearch:
    """Asks for trials 0, 1, 1, 2, 3, 3, ...; the odd ones go to the first rung, and then to the end."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._plan = [(n, epoch) for n in range(100) for epoch in (setting.grace_epochs, setting.epochs)[1 - n % 2 :]]
        self.told: list[int] = []

    def ask(self) -> Asked:
        """Return the next part."""
        sys.stdout.write("what a package prints is no answer\n")
        number, epoch = self._plan.pop(0)
        return Asked(number, {"x0": number / 100, "x1": self._setting.seed / 100}, epoch)

    def tell(self, number: int, losses: tuple[float, float]) -> None:
        """Refuse losses of a trial that was told before its last part."""
        assert losses[0] > 0
        self.told.append(number)
        assert self.told.count(number) <= 1 + number % 2


if __name__ == "__main__":
    serve(PausingSearch)
