"""Training of one configuration, and the checkpoints that continue it."""

from training.trainer.divergence import DivergedError
from training.trainer.measured import MetricError
from training.trainer.trainer import Report, Trainer
from training.trainer.training_steps import OnStep

__all__ = ["DivergedError", "MetricError", "OnStep", "Report", "Trainer"]
