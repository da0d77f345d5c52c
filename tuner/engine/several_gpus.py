"""A trial on several GPUs of one node: its own process leads, and an actor on each of the other GPUs follows.

Ray Train's trainer would not do. Its reports reach Tune through a queue and wait for no decision, so a stopped trial
would go on, and its workers would take other GPUs than those of the trial (Ray 2.60,
`ray/tune/integration/ray_train.py`). Here the leader reports, saves and crashes like any trial, and the actors live in
the trial's placement group. This module loads torch, so only workers import it.
"""

import io
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import ray
import torch
from ray.actor import ActorHandle
from ray.exceptions import RayError
from ray.util import get_current_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from training.compute.parallel import Group, join_group
from training.config import ConfigError, TrialConfig
from training.config.conflicts import group_conflicts
from training.data import TrialData
from training.outside_code import import_all
from training.trainer import DivergedError, OnStep, Trainer
from tuner.engine.gpu_sharing import is_out_of_memory
from tuner.engine.node_data import load_on_this_node
from tuner.engine.trial_task import TrialTask

# How long a leader whose epoch failed waits for the followers' reasons.
_REASON_SECONDS = 10.0


@contextmanager
def leading_trainer(task: TrialTask, data: TrialData) -> Iterator[Trainer]:
    """Yield the trainer of a trial, which `task.processes - 1` actors follow until the end of the block.

    Raise what an actor raises while it starts, and ConfigError if so many processes cannot train the configuration.
    """
    config, size, device = task.config, task.processes, torch.device(task.device)
    if problems := group_conflicts(config, size):
        raise ConfigError(problems)
    if size == 1:
        yield Trainer(config, data, device)
        return
    with tempfile.TemporaryDirectory(prefix="tuner-group-") as folder, _followers(size) as followers:
        # First the step that may fail in one process alone, then the step that needs all of them.
        ray.get([follower.load.remote(task) for follower in followers])
        meeting_place = Path(folder) / "meeting"
        starts = [f.start.remote(rank, size, str(meeting_place)) for rank, f in enumerate(followers, start=1)]
        with ExitStack() as together:
            with _raise_their_error(starts):
                group = together.enter_context(join_group(0, size, meeting_place, device))
                together.callback(_dismiss, followers)  # before this process leaves: NCCL waits for all of them
                trainer = _LeadingTrainer(config, data, device, group, followers)
            yield trainer


class _LeadingTrainer(Trainer):
    """A trainer whose followers train with it, and load the state that it loads."""

    def __init__(
        self,
        config: TrialConfig,
        data: TrialData,
        device: torch.device,
        group: Group,
        followers: Sequence[ActorHandle[Any]],
    ) -> None:
        super().__init__(config, data, device, group)
        self._followers = followers

    def train_epoch(self, on_step: OnStep | None = None) -> dict[str, float]:
        with _raise_their_error([follower.train_epoch.remote() for follower in self._followers]):
            return super().train_epoch(on_step)

    def load_state(self, state: Mapping[str, Any]) -> None:
        super().load_state(state)
        written = io.BytesIO()
        torch.save(dict(state), written)
        shared = ray.put(written.getvalue())
        ray.get([follower.load_state.remote(shared) for follower in self._followers])


def _dismiss(followers: Sequence[ActorHandle[Any]]) -> None:
    for follower in followers:
        follower.leave.remote()


@contextmanager
def _raise_their_error(calls: list[Any]) -> Iterator[None]:
    """Wait at the block's end for the followers' calls, which run at the same time; raise the error of one that failed.

    If a follower fails, the block sees only a broken connection: over gloo at once, over NCCL when the group's patience
    ends. NCCL does not even raise: the block goes on with numbers that mean nothing, and may take them for divergence.
    """
    try:
        yield
    except Exception as error:
        reasons = _errors(ray.wait(calls, num_returns=len(calls), timeout=_REASON_SECONDS)[0])
        cause = cause_of(error, reasons)
        if cause is error:
            raise
        raise cause from error
    ray.get(calls)


def cause_of(error: Exception, reasons: Sequence[RayError]) -> Exception:
    """Return what made an epoch fail: the leader's own `error`, or one of the `reasons` of its followers.

    Divergence is its own cause if all followers see it, too. Of several reasons, a lack of memory is the cause and the
    others are its consequences.
    """
    if is_out_of_memory(error):
        return error
    others = [reason for reason in reasons if not isinstance(reason, DivergedError)]
    return min(others, key=lambda reason: not is_out_of_memory(reason), default=error)


def _errors(calls: list[Any]) -> list[RayError]:
    found = []
    for call in calls:
        try:
            ray.get(call)
        except RayError as error:
            found.append(error)
    return found


class _Follower:
    """The process of one more GPU. The leader calls each method of all its followers at the same time."""

    def load(self, task: TrialTask) -> None:
        """Read the data on this node."""
        torch.set_num_threads(task.threads)
        import_all(task.config.imports)
        self._config = task.config
        self._device = torch.device(task.device)
        self._data = load_on_this_node(task.config, task.split_digest)

    def start(self, rank: int, size: int, meeting_place: str) -> None:
        """Join the group, for as long as this process lives."""
        self._membership = ExitStack()
        group = self._membership.enter_context(join_group(rank, size, Path(meeting_place), self._device))
        with self._leave_on_error():
            self._trainer = Trainer(self._config, self._data, self._device, group)

    def train_epoch(self) -> None:
        """Train this process's part of an epoch; the leader has the metrics."""
        with self._leave_on_error():
            self._trainer.train_epoch()

    @contextmanager
    def _leave_on_error(self) -> Iterator[None]:
        """Leave the group after an error, so that the others do not wait for this process.

        The error does not wait for that: over NCCL a process may leave only when all others do.
        """
        try:
            yield
        except BaseException:
            Thread(target=self._membership.close, daemon=True).start()
            raise

    def load_state(self, written: bytes) -> None:
        """Continue from the leader's state."""
        # On the CPU, where the states of random generators must be.
        self._trainer.load_state(torch.load(io.BytesIO(written), map_location="cpu", weights_only=True))

    def leave(self) -> None:
        """Leave the group at the trial's end."""
        self._membership.close()


@contextmanager
def _followers(size: int) -> Iterator[list[ActorHandle[Any]]]:
    group = get_current_placement_group()
    if group is None:
        raise RuntimeError("A trial on several GPUs must run in a placement group with a bundle for each of them.")
    actors: list[ActorHandle[Any]] = []
    try:
        for rank in range(1, size):
            bundle = group.bundle_specs[rank]
            strategy = PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=rank)
            follower: Any = ray.remote(num_cpus=bundle.get("CPU", 0), num_gpus=bundle.get("GPU", 0))(_Follower)
            actors.append(follower.options(scheduling_strategy=strategy).remote())
        yield actors
    finally:
        for actor in actors:
            ray.kill(actor)
