"""The ledger: the durable record of a search, and the only truth about it."""

from tuner.ledger.empty_study import forget_unbegun
from tuner.ledger.fence import TakenOverError
from tuner.ledger.records import Decision, Outcome, Report, TrialRecord, as_interrupted, latest, trial_name
from tuner.ledger.reports import report_times
from tuner.ledger.sql_ledger import LEDGER_FILE, Ledger, default_ledger_url

__all__ = [
    "LEDGER_FILE",
    "Decision",
    "Ledger",
    "Outcome",
    "Report",
    "TakenOverError",
    "TrialRecord",
    "as_interrupted",
    "default_ledger_url",
    "forget_unbegun",
    "latest",
    "report_times",
    "trial_name",
]
