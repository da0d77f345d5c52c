"""Whether a search loses or repeats anything when a node dies, another joins, and the network is cut.

Run:  python -m benchmarks.two_nodes [--cut 30]     (as root, with Debian's package iproute2)
The nodes are three network namespaces of this machine, each with a Ray node of one CPU; they share a folder. Writes
benchmarks/results/two_nodes.json with hardware, versions, date and command.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.surroundings import command, surroundings, write_result
from benchmarks.two_nodes.network import is_possible
from benchmarks.two_nodes.scenario import figures, play

_RESULT = Path(__file__).parents[1] / "results" / "two_nodes.json"


def main() -> None:
    """Play the scenario, and print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cut", type=float, default=30, help="seconds without network")
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=20)
    arguments = parser.parse_args()
    if not is_possible():
        sys.exit(
            "This process cannot create network namespaces: run it as root on a machine where `ip netns add` works."
        )
    with tempfile.TemporaryDirectory() as folder:
        outcome = play(
            Path(folder), trials=arguments.trials, epochs=arguments.epochs, epoch_seconds=0.5, cut_seconds=arguments.cut
        )
    found = {**figures(outcome), "cut_seconds": arguments.cut, "command": command("two_nodes")}
    write_result(_RESULT, {**found, **surroundings(("ray", "torch"))})
    if outcome.faults():
        sys.exit(outcome.output)


if __name__ == "__main__":
    main()
