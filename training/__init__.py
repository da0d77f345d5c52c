"""Adversarial training with shared information: one trial, with no Ray, Optuna or MLflow in sight."""
