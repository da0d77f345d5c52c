"""The schedule of lambda as a pure function of the fraction of the budget that is spent."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LambdaRamp:
    """Lambda rises exponentially from `first` to `last` between the fractions `start` and `end` of the budget.

    It is constant before and after. A large lambda from the beginning collapses the encoder. With fractions instead of
    epochs, a shorter trial runs the whole schedule; the paper's 120 epochs ramp from 0.083 to 0.833 of the budget.
    Yu et al. 2023, section 4.1: from epoch 10 on, over 90 epochs.
    """

    first: float
    last: float
    start: float
    end: float

    def __call__(self, progress: float) -> float:
        """Return lambda after the fraction `progress` of the budget."""
        ramped = min(max((progress - self.start) / (self.end - self.start), 0.0), 1.0)
        # Both ends exact: the power alone would miss the last value by a rounding error.
        return self.last if ramped == 1.0 else self.first * (self.last / self.first) ** ramped
