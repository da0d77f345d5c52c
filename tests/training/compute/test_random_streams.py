import random

import numpy as np
import torch
from stand_ins import random_states

from training.compute.random_streams import RandomStreams

CPU = torch.device("cpu")


def draw_all(streams: RandomStreams) -> tuple[float, ...]:
    with streams.active():
        return (
            torch.rand((), generator=streams.generator).item(),
            torch.rand(()).item(),
            random.random(),
            float(np.random.rand()),  # noqa: NPY002
        )


def test_the_seed_determines_every_draw_and_each_generator_has_its_own() -> None:
    draws = draw_all(RandomStreams(0, CPU))
    assert draws == draw_all(RandomStreams(0, CPU))
    others = draw_all(RandomStreams(1, CPU))
    assert len(set(draws + others)) == 8


def test_the_process_and_the_trial_do_not_disturb_each_other() -> None:
    undisturbed = RandomStreams(0, CPU)
    expected = [draw_all(undisturbed), draw_all(undisturbed)]
    streams, before = RandomStreams(0, CPU), random_states()
    first = draw_all(streams)
    assert random_states() == before
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    assert [first, draw_all(streams)] == expected


def test_a_restored_stream_continues() -> None:
    streams = RandomStreams(0, CPU)
    draw_all(streams)
    state = streams.state()
    expected = [draw_all(streams), draw_all(streams)]
    other = RandomStreams(9, CPU)
    other.restore(state, fallback_seed=5)
    assert [draw_all(other), draw_all(other)] == expected


def test_a_state_of_another_device_gives_a_repeatable_fresh_start() -> None:
    foreign = {**RandomStreams(0, CPU).state(), "device": "cuda"}
    streams = RandomStreams(0, CPU)
    streams.restore(foreign, fallback_seed=5)
    assert draw_all(streams) == draw_all(RandomStreams(5, CPU))
