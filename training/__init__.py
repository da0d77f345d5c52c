"""Adversarial training with shared information: trains and evaluates one trial, without Ray, Optuna or MLflow."""
