"""The same search as a user of Ray Tune writes it: FOLDER EVENTS, then --trials, --seed and --concurrency.

It follows Ray's guide to fault tolerance: `Tuner.can_restore` decides between a new experiment and `Tuner.restore`,
which resumes unfinished and errored trials from their last checkpoint; every epoch is reported with a checkpoint, and
a trial may fail as often as in our search. Three things go beyond the guide, in Ray's favour: the experiment's state is
saved every second instead of every ten, a SIGTERM is handled like Ctrl-C, upon which Ray saves the state once more, and
no checkpoint is deleted. Each event becomes a line of EVENTS. The exit code is 0 once all trials are complete.

OptunaSearch proposes by both objectives; ASHA takes only one metric, so it compares by their mean.
"""

import argparse
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.chaos.ray_tune_events import Event, Kind, note
from benchmarks.chaos.under_fire import SPACE
from tuner.space import Space, load_space

SECONDS_BETWEEN_STATES = "1"
_MEAN = "mean_accuracy"


def main() -> None:
    """Start or restore the search."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("events", type=Path)
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--concurrency", type=int, required=True)
    arguments = parser.parse_args()
    # Ray reads these when it is imported; without a token it would write one into the home folder.
    os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", SECONDS_BETWEEN_STATES)
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        sys.exit(_run(arguments))
    except Exception as error:
        note(arguments.events, Event(Kind.FAILED, text=f"{type(error).__name__}: {error}"))
        raise


def _run(arguments: argparse.Namespace) -> int:
    import ray
    from ray import tune

    from benchmarks.chaos.ray_tune_results import read_results

    space = load_space(str(SPACE), [], {"search.trials": arguments.trials, "search.seed": arguments.seed})
    ray.init(address="local", include_dashboard=False)
    # After ray.init, which installs its own handler.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    trainable = tune.with_resources(_trainable(space, arguments.events), {"cpu": space.resources.cpus_per_trial})
    if tune.Tuner.can_restore(arguments.folder):
        note(arguments.events, Event(Kind.RESTORING))
        tuner = tune.Tuner.restore(str(arguments.folder), trainable, resume_unfinished=True, resume_errored=True)
    else:
        tuner = _new_tuner(space, trainable, arguments)
    tuner.fit()
    complete = sum(trial.complete for trial in read_results(arguments.folder))
    return int(complete < arguments.trials)


def _new_tuner(space: Space, trainable: Any, arguments: argparse.Namespace) -> Any:
    from ray import tune
    from ray.air.integrations.mlflow import MLflowLoggerCallback
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    folder, objectives = arguments.folder, space.objective_list
    searcher = OptunaSearch(
        space=space.distributions(),
        metric=[objective.name for objective in objectives],
        mode=["max" if objective.maximise else "min" for objective in objectives],
        points_to_evaluate=list(space.search.start_points),
        seed=space.search.seed,
    )
    stopping = space.early_stopping
    scheduler = ASHAScheduler(
        time_attr="epoch",
        metric=_MEAN,
        mode="max",
        max_t=space.epochs,
        grace_period=stopping.grace_epochs,
        reduction_factor=stopping.reduction_factor,
    )
    tracking = MLflowLoggerCallback(
        tracking_uri=f"sqlite:///{folder.parent / 'mlflow.db'}", experiment_name=folder.name
    )
    return tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=scheduler,
            num_samples=space.search.trials,
            max_concurrent_trials=arguments.concurrency,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name=folder.name,
            storage_path=str(folder.parent),
            failure_config=tune.FailureConfig(max_failures=space.search.max_failures),
            callbacks=[tracking, _noting(arguments.events)],
            verbose=1,
        ),
    )


def _trainable(space: Space, events: Path) -> Callable[[dict[str, Any]], None]:
    def train(config: dict[str, Any]) -> None:
        import torch
        from ray import tune

        from training.data import load_trial_data
        from training.trainer import Trainer

        torch.set_num_threads(1)
        trial = space.trial_config(config)
        trainer = Trainer(trial, load_trial_data(trial), "cpu")
        newest = tune.get_checkpoint()
        if newest is not None:
            with newest.as_directory() as folder:
                trainer.restore(Path(folder))
        while trainer.epoch < trainer.epochs:
            note(events, Event(Kind.BEGUN, tune.get_context().get_trial_name(), trainer.epoch + 1))
            metrics = trainer.train_epoch()
            mean = (metrics["natural_accuracy"] + metrics["pgd_accuracy"]) / 2
            with tempfile.TemporaryDirectory() as folder:
                trainer.save(Path(folder))
                checkpoint = tune.Checkpoint.from_directory(folder)
                tune.report({**metrics, "epoch": trainer.epoch, _MEAN: mean}, checkpoint=checkpoint)

    return train


def _noting(events: Path) -> Any:
    """Return the callback that notes what the driver knows of its trials; it must come after MLflow's."""
    from ray import tune
    from ray.tune.experiment import Trial

    class Noting(tune.Callback):
        def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
            del iteration, trials, info
            note(events, Event(Kind.STARTED, str(trial), parameters=trial.config))

        def on_trial_result(
            self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
        ) -> None:
            del iteration, trials, info
            note(events, Event(Kind.RECORDED, str(trial), result["epoch"]))

        def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
            del iteration, trials, info
            note(events, Event(Kind.ENDED, str(trial)))

    return Noting()


if __name__ == "__main__":
    main()
