"""A trial on several GPUs of one node: its own process leads, and an actor trains along on each of the other GPUs.

Not by Ray Train's trainer: its reports reach Tune through a queue and wait for no decision, so that a stopped trial
would go on, and its workers would take GPUs beside those of the trial (Ray 2.60, `ray/tune/integration/ray_train.py`).
Here reports, checkpoints and crashes are the leader's, as of any trial, and the actors live in the trial's placement
group.
"""

import io
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
import torch
from ray.actor import ActorHandle
from ray.exceptions import RayError
from ray.util import get_current_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from training.compute.parallel import Group, join_group
from training.config import ConfigError, TrialConfig
from training.config.conflicts import group_conflicts
from training.trainer import Trainer
from tuner.engine.gpu_sharing import is_out_of_memory
from tuner.engine.node_data import load_on_this_node

if TYPE_CHECKING:
    from training.data import TrialData
    from training.trainer import OnStep

# How long a leader whose epoch broke off waits to hear why from the others.
_REASON_SECONDS = 10.0


@contextmanager
def leading_trainer(assignment: Mapping[str, Any], data: "TrialData") -> Iterator[Trainer]:
    """Give the trainer of a trial, for which `processes - 1` actors train along until the end of the block.

    Raises ConfigError if the configuration cannot be trained so, and what an actor raises while it gets ready.
    """
    config, size = TrialConfig.from_mapping(assignment["trial"]), assignment["processes"]
    device = torch.device(assignment["device"])
    if problems := group_conflicts(config, size):
        raise ConfigError(problems)
    if size == 1:
        yield Trainer(config, data, device)
        return
    with tempfile.TemporaryDirectory(prefix="tuner-group-") as folder, _followers(size) as followers:
        # First what may fail in one alone, then what all have to be there for.
        ray.get([follower.load.remote(dict(assignment)) for follower in followers])
        meeting_place = Path(folder) / "meeting"
        begun = [f.begin.remote(rank, size, str(meeting_place)) for rank, f in enumerate(followers, start=1)]
        with ExitStack() as together:
            with _reason_of(begun):
                group = together.enter_context(join_group(0, size, meeting_place, device))
                together.callback(_let_leave, followers)  # before this process does: NCCL waits for all of them
                trainer = _LeadingTrainer(config, data, device, group, followers)
            yield trainer


class _LeadingTrainer(Trainer):
    """A trainer that has others train along, and brings them to the state that it is restored to."""

    def __init__(
        self,
        config: TrialConfig,
        data: "TrialData",
        device: torch.device,
        group: Group,
        followers: Sequence[ActorHandle[Any]],
    ) -> None:
        super().__init__(config, data, device, group)
        self._followers = followers

    def train_epoch(self, on_step: "OnStep | None" = None) -> dict[str, float]:
        with _reason_of([follower.train_epoch.remote() for follower in self._followers]):
            return super().train_epoch(on_step)

    def load_state(self, state: Mapping[str, Any]) -> None:
        super().load_state(state)
        written = io.BytesIO()
        torch.save(dict(state), written)
        shared = ray.put(written.getvalue())
        ray.get([follower.load_state.remote(shared) for follower in self._followers])


def _let_leave(followers: Sequence[ActorHandle[Any]]) -> None:
    for follower in followers:
        follower.leave.remote()


@contextmanager
def _reason_of(along: list[Any]) -> Iterator[None]:
    """Wait at the block's end for what the others do along; where one of them fails, raise its error.

    In the block only a connection breaks then, over gloo at once, over NCCL when the group's patience ends. Of several
    errors want of memory is the reason, and others follow. Divergence, which all see alike, is no RuntimeError.
    """
    try:
        yield
    except RuntimeError as error:
        reasons = _errors(ray.wait(along, num_returns=len(along), timeout=_REASON_SECONDS)[0])
        if reasons:
            raise min(reasons, key=lambda reason: not is_out_of_memory(reason)) from error
        raise
    ray.get(along)


def _errors(ended: list[Any]) -> list[RayError]:
    found = []
    for one in ended:
        try:
            ray.get(one)
        except RayError as error:
            found.append(error)
    return found


class _Follower:
    """The process of one more GPU; its methods are called for all at the same time."""

    def load(self, assignment: dict[str, Any]) -> None:
        """Read the data on this node."""
        torch.set_num_threads(assignment["threads"])
        self._config = TrialConfig.from_mapping(assignment["trial"])
        self._device = torch.device(assignment["device"])
        self._data = load_on_this_node(self._config, assignment["split_digest"])

    def begin(self, rank: int, size: int, meeting_place: str) -> None:
        """Join the others, for as long as this process lives."""
        self._joined = ExitStack()
        group = self._joined.enter_context(join_group(rank, size, Path(meeting_place), self._device))
        with self._leaving():
            self._trainer = Trainer(self._config, self._data, self._device, group)

    def train_epoch(self) -> None:
        """Train this process's part of an epoch; the leader has its metrics."""
        with self._leaving():
            self._trainer.train_epoch()

    @contextmanager
    def _leaving(self) -> Iterator[None]:
        """Leave the others after an error, so that those that notice it wait for this process no longer."""
        try:
            yield
        except BaseException:
            self._joined.close()
            raise

    def load_state(self, written: bytes) -> None:
        """Continue from the leader's state."""
        # On the CPU, where states of random generators have to be.
        self._trainer.load_state(torch.load(io.BytesIO(written), map_location="cpu", weights_only=True))

    def leave(self) -> None:
        """Leave the others at the trial's end."""
        self._joined.close()


@contextmanager
def _followers(size: int) -> Iterator[list[ActorHandle[Any]]]:
    group = get_current_placement_group()
    if group is None:
        raise RuntimeError("A trial on several GPUs must run in a placement group with a bundle for each of them.")
    actors: list[ActorHandle[Any]] = []
    try:
        for rank in range(1, size):
            bundle = group.bundle_specs[rank]
            place = PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=rank)
            follower: Any = ray.remote(num_cpus=bundle.get("CPU", 0), num_gpus=bundle.get("GPU", 0))(_Follower)
            actors.append(follower.options(scheduling_strategy=place).remote())
        yield actors
    finally:
        for actor in actors:
            ray.kill(actor)
