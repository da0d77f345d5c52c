"""The ledger: the durable record of a search, and the only truth about it."""

from tuner.ledger.records import Decision, Outcome, Report, TrialRecord, trial_name
from tuner.ledger.reports import report_times
from tuner.ledger.store import Ledger, default_ledger_url

__all__ = [
    "Decision",
    "Ledger",
    "Outcome",
    "Report",
    "TrialRecord",
    "default_ledger_url",
    "report_times",
    "trial_name",
]
