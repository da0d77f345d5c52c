"""The events of a session do nothing unless a driver overrides them."""

from tuner.engine.ending import Ending
from tuner.engine.session_events import SessionEvents


def test_a_driver_overrides_what_it_wants_to_know() -> None:
    events = SessionEvents()
    events.on_retry(0, "KeyError: 1")
    events.on_fallback("bf16")
    events.on_stopping()
    events.on_lost(Ending.BROKEN_OFF, "Ray's head has died.")
