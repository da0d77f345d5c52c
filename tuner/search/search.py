"""The state of one search: what to run next, and what to decide on a report.

Ray's searcher, scheduler and callbacks call this class, and so can a simulation. Every change is in the ledger before
its consequence is returned. An instance that is rebuilt from the ledger decides as the first one would have.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tuner.ledger import Decision, Ledger, Outcome, Report, TrialEndedError, TrialRecord
from tuner.search.enqueued import EnqueuedTrials
from tuner.search.knowledge import Knowledge, Propose
from tuner.search.listener import Assignment, Listener
from tuner.search.sampling import propose
from tuner.search.stopping import finished, stop_reason
from tuner.search.warm_start import from_facts
from tuner.space import STOP_AFTER, Space
from tuner.space.samplers import facts_of

# The newest checkpoint may have been damaged with the machine; the one before it is still on disk.
_CHECKPOINTS_TRIED = 2


class Search:
    """The state of a search, rebuilt from its ledger. No other code changes it."""

    def __init__(
        self, space: Space, ledger: Ledger, clock: Callable[[], float] = time.time, propose: Propose = propose
    ) -> None:
        """Rebuild the search; `clock` gives the times of its events, and `propose` the points of Optuna's samplers."""
        self.space = space
        self.epochs = space.epochs
        self.listeners: list[Listener] = []
        self._ledger = ledger
        self._clock = clock
        self._distributions = space.recorded_distributions()
        self._grid = space.grid() if space.search.sampler == "grid" else []
        self._asked_for = EnqueuedTrials(space, ledger)
        self._prepared: tuple[int, dict[str, Any]] | None = None  # the number of a trial and its point
        self._trials: dict[int, TrialRecord] = {trial.number: trial for trial in ledger.load()}
        self._enqueued = sum(trial.enqueued for trial in self._trials.values())
        self.knowledge = Knowledge(space, from_facts(ledger.facts()), propose)
        for trial in self.trials:
            self.knowledge.learn_end(trial)
        for number, report in ledger.reports_at(self.knowledge.values.epochs):
            if number in self._trials:  # other programs can change what shows that a trial is one of this search
                self.knowledge.learn(number, report)
        for trial in self.trials:
            self._end_if_decided(trial)
        self._waiting = deque(n for n, t in self._trials.items() if t.outcome is Outcome.RUNNING)

    @property
    def trials(self) -> list[TrialRecord]:
        """All trials by number, in their present state; another thread may read it."""
        return list(self._trials.values())

    @property
    def finished(self) -> bool:
        """Whether no trial runs and no trial will be proposed."""
        return finished(self.space, self.trials)

    @property
    def stop_reason(self) -> str | None:
        """Why no further trial will be proposed, as a sentence for the user; None while there are trials to propose."""
        return stop_reason(self.space, self.trials)

    def next_assignment(self) -> Assignment | None:
        """Return the next trial: an interrupted one first, then a new proposal; None if a stop rule forbids it."""
        if self._waiting:
            trial = self._trials[self._waiting.popleft()]
        elif self.stop_reason is None:
            trial = self._propose()
        else:
            return None
        assignment = Assignment(trial.number, trial.parameters, self.checkpoints(trial.number), trial.epochs_trained)
        for listener in self.listeners:
            listener.on_started(assignment)
        return assignment

    def slow_proposal(self) -> Callable[[], None] | None:
        """Return the work of the next proposal if it may take seconds, to do in another thread; None if there is none.

        It rests on what is measured now. `next_assignment` takes its result; it does the work itself if nobody has.
        """
        number = len(self._trials)
        prepared = self._prepared is not None and self._prepared[0] == number
        slow = facts_of(self.space.search.sampler).slow or self.space.reseeds
        if prepared or self._waiting or not slow or self.stop_reason is not None:
            return None
        if self._ledger.enqueued():
            return None
        proposal = self.knowledge.proposal(self.trials, self._next_start_point())

        def work() -> None:
            self._prepared = number, proposal()

        return work

    def checkpoints(self, number: int) -> tuple[str, ...]:
        """Return the checkpoints on record from which a trial may continue, the newest first."""
        recorded = [report.checkpoint for report in reversed(self._trials[number].reports) if report.checkpoint]
        return tuple(recorded[:_CHECKPOINTS_TRIED])

    def end_of(self, parameters: Mapping[str, Any]) -> int:
        """Return the epoch after which the trial of a point ends: of a confirmation it may be an early one."""
        return int(parameters.get(STOP_AFTER) or self.epochs)

    def hand_out_again(self, number: int) -> None:
        """Let `next_assignment` return a running trial again, because its worker has lost it."""
        if self._trials[number].outcome is Outcome.RUNNING and number not in self._waiting:
            self._waiting.append(number)

    def crashes(self, number: int) -> int:
        """Return how often a trial has crashed since its last new epoch, in this session and in earlier ones."""
        return self._trials[number].crashes

    def count_crash(self, number: int) -> None:
        """Record that a running trial crashed; ignore a trial that has ended."""
        trial = self._trials[number]
        if trial.outcome is Outcome.RUNNING:
            self._ledger.count_crashes(number, trial.crashes + 1)
            self._trials[number] = replace(trial, crashes=trial.crashes + 1)

    def report(self, number: int, epoch: int, metrics: Mapping[str, float], checkpoint: str | None) -> Decision:
        """Record an epoch of a running trial and return the decision on it.

        An epoch that is already on record (trained again after a crash) gets its first decision again, and its new
        checkpoint replaces the first one.
        """
        trial = self._trials[number]
        known = next((report for report in trial.reports if report.epoch == epoch), None)
        if known is not None:
            if checkpoint is not None and trial.outcome is Outcome.RUNNING:
                self._renew_checkpoint(trial, epoch, checkpoint)
            return known.decision
        if trial.outcome is not Outcome.RUNNING:
            return Decision.STOP
        report = Report(
            epoch=epoch,
            metrics=dict(metrics),
            rung=self.knowledge.is_rung(epoch) and not self.space.is_repeat(trial.parameters),
            decision=Decision.CONTINUE,
            checkpoint=checkpoint,
            time=self._clock(),
        )
        self.knowledge.learn(number, report)
        decision, reason = self._decide(number, report)
        report = replace(report, decision=decision, reason=reason)
        still_running = self._ledger.record(number, report)
        if trial.crashes and still_running:
            self._ledger.count_crashes(number, 0)
        self._trials[number] = replace(trial, reports=(*trial.reports, report), crashes=0)
        for listener in self.listeners:
            listener.on_report(self._trials[number])
        if not still_running:
            self._take_end(self._ledger.trial(number))
            return Decision.STOP
        self._end_if_decided(self._trials[number])
        return report.decision

    def fail(self, number: int, error: str) -> None:
        """End a running trial as failed, with the reason; ignore a trial that has ended."""
        if self._trials[number].outcome is Outcome.RUNNING:
            self._end(number, Outcome.FAILED, error=error)

    def stop_trial(self, number: int, reason: str) -> None:
        """End a running trial early because the user wants it; ignore a trial that has ended.

        Its worker is told with its next report.
        """
        if self._trials[number].outcome is Outcome.RUNNING:
            if number in self._waiting:
                self._waiting.remove(number)
            self._end(number, Outcome.STOPPED, error=reason)

    def change(self, space: Space) -> None:
        """Go on with a space that has other rules for the end of the search, or for crashes; record it first."""
        self._ledger.set_facts({"space": space.model_dump(mode="json")})
        self.space = space

    def _renew_checkpoint(self, trial: TrialRecord, epoch: int, checkpoint: str) -> None:
        """Record the new checkpoint of a recorded epoch; forget the later checkpoints, which were not usable."""
        self._ledger.renew_checkpoint(trial.number, epoch, checkpoint)
        places = {report.epoch: report.checkpoint if report.epoch < epoch else None for report in trial.reports}
        places[epoch] = checkpoint
        reports = tuple(replace(report, checkpoint=places[report.epoch]) for report in trial.reports)
        self._trials[trial.number] = replace(trial, reports=reports)

    def _decide(self, number: int, report: Report) -> tuple[Decision, str | None]:
        """Return the decision, and its reason if it was made at a rung."""
        if self.knowledge.is_broken(report.epoch, report.metrics):
            return Decision.STOP, None
        if report.epoch >= self.end_of(self._trials[number].parameters):
            return Decision.COMPLETE, None
        if not report.rung:
            return Decision.CONTINUE, None
        judgement = self.knowledge.judgement(self.trials, number, report.epoch)
        return (Decision.CONTINUE if judgement.goes_on else Decision.STOP), judgement.reason

    def _end_if_decided(self, trial: TrialRecord) -> None:
        """End a trial whose last report decided so, also if a crash came between the report and the end."""
        if trial.outcome is not Outcome.RUNNING or not trial.reports:
            return
        decision = trial.reports[-1].decision
        if decision is Decision.COMPLETE:
            values = [trial.last_metrics[objective.name] for objective in self.space.objective_list]
            self._end(trial.number, Outcome.COMPLETED, values=values)
        elif decision is Decision.STOP:
            self._end(trial.number, Outcome.STOPPED)

    def _end(self, number: int, outcome: Outcome, values: list[float] | None = None, error: str | None = None) -> None:
        try:
            ended = self._ledger.finish(number, outcome, values, error)
        except TrialEndedError:  # another program ended it, perhaps the user by a button of optuna-dashboard
            ended = self._ledger.trial(number)
        self._take_end(ended)

    def _take_end(self, ended: TrialRecord) -> None:
        """Take over a trial as it is on record: a rebuilt search must write the same times to MLflow."""
        self._trials[ended.number] = ended
        self.knowledge.learn_end(ended)
        for listener in self.listeners:
            listener.on_ended(ended)

    def _propose(self) -> TrialRecord:
        trial = self._start_enqueued() or self._start_proposed()
        is_last = trial.number > next(reversed(self._trials), -1)
        self._trials[trial.number] = trial
        if not is_last:  # another program enqueued it before the trial with the next number started
            self._trials = dict(sorted(self._trials.items()))
        return trial

    def _start_proposed(self) -> TrialRecord:
        parameters = self.knowledge.as_recorded(self._grid[self._own_trials]) if self._grid else self._next_point()
        number = self._ledger.propose(parameters, self._distributions)
        return TrialRecord(number, parameters, Outcome.RUNNING, started=self._clock())

    @property
    def _own_trials(self) -> int:
        """The number of trials that no other program has enqueued: those take no point of the search's own list."""
        return len(self._trials) - self._enqueued

    def _next_start_point(self) -> Mapping[str, Any] | None:
        starts = self.space.search.start_points
        return starts[self._own_trials] if self._own_trials < len(starts) else None

    def _next_point(self) -> dict[str, Any]:
        """Return the next point: the prepared one, unless it was made for another number."""
        prepared, self._prepared = self._prepared, None
        if prepared is not None and prepared[0] == len(self._trials):
            return prepared[1]
        return self.knowledge.proposal(self.trials, self._next_start_point())()

    def _start_enqueued(self) -> TrialRecord | None:
        """Start the first trial that is enqueued and that the space allows; None without any."""
        for number, wanted in self._asked_for.runnable():
            parameters = self.knowledge.proposal(self.trials, wanted)()
            if self._ledger.start_enqueued(number, parameters, self._distributions):
                self._enqueued += 1
                return TrialRecord(number, parameters, Outcome.RUNNING, started=self._clock(), enqueued=True)
        return None
