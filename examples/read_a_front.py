"""Read the front of a search, and choose from it, in Python.

python examples/read_a_front.py digits_tradeoff-1
"""

import sys

from tuner import load


def main(name: str) -> None:
    """Print the trials and the front of the search `name`, and what could be chosen from it."""
    search = load(name)
    print(f"{name}: {len(search.trials)} trials, hypervolume {search.hypervolume:.4f}")
    print(search.front.frame)  # a pandas frame, from the best natural accuracy to the worst
    if len(search.front) > 0:
        least = 0.9 * search.front.frame["natural_accuracy"].max()
        print(search.front.at_least(natural_accuracy=least).frame)
        chosen = search.front.most_robust(max_loss=0.01)
        print(f"chosen: trial {chosen.trial}, {chosen.parameters}. {chosen.reason}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/read_a_front.py NAME, in the folder that holds runs/")
    main(sys.argv[1])
