"""How a session of Ray Tune ended."""

from enum import StrEnum


class Ending(StrEnum):
    """Why a session ended; the search itself can be resumed after each but `finished`."""

    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    OUT_OF_TIME = "out of time"
    BROKEN_OFF = "broken off"  # Ray Tune gave up by itself, or crash followed crash


class BrokenOffError(Exception):
    """A session was given up because its trials crash one after the other; the message says how to go on."""
