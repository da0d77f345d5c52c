"""What is known of a rung: how well it says the end. Reading it needs no model, so no heavy import."""

from dataclasses import dataclass

INTERVAL = 0.8  # the share of final values that an honest interval holds
# A correlation of fewer completed trials says nothing, and their noise is that of the priors.
FEWEST = 8


@dataclass(frozen=True)
class RungQuality:
    """How well the rung at `epoch` says the end of one metric, over `trials` completed trials.

    `correlation` is that of forecast and final values (Spearman), `raw` that of the values at the rung and at the end,
    both NaN if the final values do not vary, and 0 if only the others do not. `inside` is the share of final values
    inside their intervals.
    """

    epoch: int
    metric: str
    trials: int
    correlation: float
    raw: float
    inside: float
