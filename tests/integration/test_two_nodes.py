"""A cluster of several addresses: one node is lost and one joins while a search runs as a job of Ray.

`python -m benchmarks.two_nodes` runs longer, and cuts the network as well.
"""

from pathlib import Path

import pytest

from benchmarks.two_nodes.network import is_possible
from benchmarks.two_nodes.scenario import play

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_possible(), reason="needs root, iproute2 and network namespaces"),
]


def test_trials_of_a_lost_node_go_on_elsewhere_and_a_new_node_gets_some(tmp_path: Path) -> None:
    outcome = play(tmp_path, trials=5, epochs=8, epoch_seconds=0.3, cut_seconds=0)
    assert outcome.faults() == [], outcome.output
    assert "succeeded" in outcome.output, "the job's exit code is the search's"
    assert len(outcome.trials) == 5
    (lost,) = outcome.on_lost
    places = [(epoch.epoch, epoch.address) for epoch in outcome.begun if epoch.trial == lost]
    again = next(epoch for epoch, address in places if address != places[0][1])
    assert again >= 3, "it continued from a checkpoint"
    assert outcome.trained_again() <= 1, "only the interrupted epoch was trained again"
