"""What a session of Ray Tune tells its driver."""

from tuner.engine.ending import Ending


class SessionEvents:
    """Does nothing; a driver overrides what it wants to know. All but `on_lost` are called on the driver's loop."""

    def on_retry(self, number: int, error: str) -> None:
        """Trial `number` crashed with `error` and is started again."""

    def on_fallback(self, text: str) -> None:
        """A node computes something in another way than the space asks; each text comes once in a session."""

    def on_stopping(self) -> None:
        """The first signal came: the session ends with the next checkpoint of each trial, or a few seconds later."""

    def on_lost(self, ending: Ending, reason: str) -> None:
        """Ray does not answer any more, so `run_session` may never return.

        This is called from another thread. An implementation must end the process.
        """
