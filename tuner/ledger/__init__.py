"""The ledger: the durable record of a search, from which everything else is rebuilt."""

from tuner.ledger.connection import remove_empty_study
from tuner.ledger.memory_ledger import MemoryLedger
from tuner.ledger.protocol import Ledger, LedgerError, TakenOverError, TrialEndedError
from tuner.ledger.records import (
    Decision,
    Instruction,
    InstructionState,
    Outcome,
    Report,
    TrialRecord,
    as_interrupted,
    latest,
    trial_name,
)
from tuner.ledger.reports import made_of_reports, report_times
from tuner.ledger.sql_ledger import LEDGER_FILE, SqlLedger, default_ledger_url

__all__ = [
    "LEDGER_FILE",
    "Decision",
    "Instruction",
    "InstructionState",
    "Ledger",
    "LedgerError",
    "MemoryLedger",
    "Outcome",
    "Report",
    "SqlLedger",
    "TakenOverError",
    "TrialEndedError",
    "TrialRecord",
    "as_interrupted",
    "default_ledger_url",
    "latest",
    "made_of_reports",
    "remove_empty_study",
    "report_times",
    "trial_name",
]
