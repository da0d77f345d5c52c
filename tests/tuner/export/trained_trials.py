"""A search whose trials were really trained, for one epoch on the digits."""

from pathlib import Path

import torch
from simulated_search import MakeLedger, small_space

from training.data import load_trial_data
from training.trainer import Trainer
from tuner.export.trial_model import TrainedModel, load_trained_model
from tuner.ledger import SqlLedger
from tuner.runs.folder import SearchFolder
from tuner.search import Search

SPACE = small_space(
    search={"trials": 3, "start_points": [{"alpha": 0.5, "lambda": 4, "bottleneck": 16}]},
    trial={"epochs": 1, "train_fraction": 0.2, "attack_steps": 1, "eval_attack_steps": 1},
    early_stopping={"scheduler": "none"},
)


def trained_search(make_ledger: MakeLedger, runs_dir: Path) -> SqlLedger:
    """Train trial 0 and leave its checkpoint; trial 1 is worse and reported without one, trial 2 runs."""
    ledger = make_ledger(SPACE)
    search = Search(SPACE, ledger)
    assignment = search.next_assignment()
    assert assignment is not None
    folder = SearchFolder(runs_dir / ledger.search)
    config = SPACE.trial_config(assignment.parameters)
    trainer = Trainer(config, load_trial_data(config), torch.device("cpu"))
    checkpoint = "ray/session-1/trial-0000/checkpoint_000000"
    metrics = trainer.train_epoch()
    trainer.save(folder.path / checkpoint)
    search.report(0, 1, metrics, checkpoint)
    search.next_assignment()
    search.report(1, 1, {"natural_accuracy": 0.0, "pgd_accuracy": 0.0}, None)
    search.next_assignment()
    return ledger


OF_EPOCHS = small_space(
    search={"trials": 1, "candidates": "every_evaluation", "start_points": SPACE.search.start_points},
    trial={**SPACE.trial, "epochs": 3},
    early_stopping={"scheduler": "none"},
)


def trained_epochs(make_ledger: MakeLedger, runs_dir: Path) -> SqlLedger:
    """Train the two first of three epochs of trial 0 and leave their checkpoints; then the user stops it.

    Its accuracies are made up, so that both epochs may be points of the front.
    """
    ledger = make_ledger(OF_EPOCHS)
    search = Search(OF_EPOCHS, ledger)
    assignment = search.next_assignment()
    assert assignment is not None
    config = OF_EPOCHS.trial_config(assignment.parameters)
    trainer = Trainer(config, load_trial_data(config), torch.device("cpu"))
    for epoch, natural, pgd in ((1, 0.5, 0.25), (2, 0.25, 0.5)):
        metrics = trainer.train_epoch() | {"natural_accuracy": natural, "pgd_accuracy": pgd}
        checkpoint = f"ray/session-1/trial-0000/checkpoint_{epoch:06d}"
        trainer.save(SearchFolder(runs_dir / ledger.search).path / checkpoint)
        search.report(0, epoch, metrics, checkpoint)
    search.stop_trial(0, "the user wants it")
    return ledger


def load_model(ledger: SqlLedger, runs_dir: Path, number: int = 0) -> TrainedModel:
    """Return the model of a trial."""
    return load_trained_model(SearchFolder(runs_dir / ledger.search), SPACE, ledger.load()[number], None)
