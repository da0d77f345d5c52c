"""Read the front of a search, and choose from it, in Python.

python examples/read_a_front.py digits_tradeoff-1
"""

import sys
from pathlib import Path

from tuner.report.load import load_search


def main(name: str) -> None:
    """Print the front of the search `name`, its knee, and the most robust trial with at least 90 % of the best."""
    search = load_search(Path("runs"), name)
    data = search.data
    print(f"{name}: {len(search.trials)} trials, hypervolume {data.hypervolume:.4f}")
    for trial in data.front:  # from the best natural accuracy to the worst
        metrics = ", ".join(f"{metric} {value:.3f}" for metric, value in trial.metrics.items())
        mark = "  <- knee" if trial.number == data.knee else ""
        print(f"  trial {trial.number}: {metrics}, {trial.parameters}{mark}")
    if data.front:
        least = 0.9 * data.front[0].metrics["natural_accuracy"]
        good = [trial for trial in data.front if trial.metrics["natural_accuracy"] >= least]
        chosen = max(good, key=lambda trial: trial.metrics["pgd_accuracy"])
        print(f"chosen: trial {chosen.number}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/read_a_front.py NAME, in the folder that holds runs/")
    main(sys.argv[1])
