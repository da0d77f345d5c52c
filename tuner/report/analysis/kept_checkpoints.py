"""Which checkpoints of a trial stay after its end: a point of the front without its weights could not be exported."""

from tuner.errors import UsageError
from tuner.ledger.records import TrialRecord
from tuner.report.analysis.front_rows import candidate_reports
from tuner.report.text import count_of
from tuner.space import Space


def kept_checkpoints(trial: TrialRecord, space: Space) -> set[str]:
    """Return the checkpoints of a trial that somebody may need after its end.

    It is the last one on record. Where every evaluated epoch may be a point of the front, those of the epochs that no
    other epoch of the trial dominates are needed as well.
    """
    last = {trial.last_checkpoint} if trial.last_checkpoint else set()
    if not space.every_epoch:
        return last
    best = candidate_reports(list(trial.reports), space.objective_list, space.constraint_list)
    return last | {report.checkpoint for report in best if report.checkpoint}


def checkpoint_of_epoch(trial: TrialRecord, epoch: int, space: Space) -> str:
    """Return the checkpoint of an epoch, relative to the folder of the search.

    Raise UsageError if the trial did not report this epoch, or if the search does not keep its checkpoint.
    """
    report = next((report for report in trial.reports if report.epoch == epoch), None)
    if report is None:
        trained = count_of(trial.epochs_trained, "epoch")
        raise UsageError(f"Trial {trial.number} has no epoch {epoch} on record: it trained {trained}.", epoch)
    kept = kept_checkpoints(trial, space)
    if report.checkpoint in kept:
        return str(report.checkpoint)
    epochs = [str(each.epoch) for each in trial.reports if each.checkpoint in kept]
    rule = (
        "those that no other epoch of the trial dominates, and the last one"
        if space.every_epoch
        else "the last one (search.candidates: every_evaluation keeps more)"
    )
    raise UsageError(
        f"The weights of epoch {epoch} of trial {trial.number} were not kept. Of its epochs the search keeps {rule}: "
        f"{', '.join(epochs) or 'none'}.",
        epoch,
    )
