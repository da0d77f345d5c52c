"""Real searches of two samplers and schedulers, at equal epochs and at equal wall time.

Run:  python -m benchmarks.real_searches --keep FOLDER [--space digits_tradeoff] [--seeds 10] [--epochs 600]
Runs `tuner run` with each seed: by MOTPE with plain rungs, the default before, and by the forecast. Each search may
train so many epochs; the machine should do nothing else. Finished searches stay in the folder and are not run again.
Measures two hypervolumes: the one that a search reports, and one on the scale of the front of all searches.
Writes benchmarks/results/real_searches_SPACE.json with hardware, versions, date and command.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.search_quality.measure import mean_and_error
from benchmarks.surroundings import command, own_environment, surroundings, write_result
from tuner.ledger import Outcome, TrialRecord, report_times
from tuner.pareto.dominance import is_non_dominated
from tuner.pareto.hypervolume import front_growth
from tuner.pareto.objectives import FloatArray, as_losses, spans
from tuner.runs.find import find_search
from tuner.search.stopping import finished
from tuner.space import Space, load_space

_RESULTS = Path(__file__).parent / "results"
_METHODS = {"motpe": "mo_asha", "forecast": "forecast"}  # sampler -> scheduler
_SHARES = (0.25, 0.5, 1.0)
_NO_LIMIT = 100_000  # trials; the epochs are the limit
# On the scale of a front, as in `benchmarks.search_quality`.
_BEYOND_THE_FRONT = 1.1
# From the losses of trials in the order of their ends, (n, m), to the hypervolume after each, (n,).
Growth = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Progress:
    """The completed trials of a search in the order of their ends, with losses, (n, m).

    `epochs`, (n,), are those that all trials had trained by then, `seconds`, (n,), those since the first trial began.
    """

    epochs: FloatArray
    seconds: FloatArray
    losses: FloatArray
    trials: int
    duration: float

    def at_epochs(self, epochs: float, growth: Growth) -> float:
        """Return the hypervolume after so many epochs."""
        return self._at(self.epochs, epochs, growth)

    def at_seconds(self, seconds: float, growth: Growth) -> float:
        """Return the hypervolume after so many seconds."""
        return self._at(self.seconds, seconds, growth)

    def _at(self, places: FloatArray, limit: float, growth: Growth) -> float:
        ended = int(np.searchsorted(places, limit, side="right"))
        return float(growth(self.losses[:ended])[-1]) if ended else 0.0


def main() -> None:
    """Run the searches, and print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, required=True, help="folder of the searches")
    parser.add_argument("--space", default="digits_tradeoff")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=600, help="of all trials of a search")
    arguments = parser.parse_args()
    # Both methods of a seed come one after the other: what else the machine does meets both.
    pairs = [(method, seed) for seed in range(arguments.seeds) for method in _METHODS]
    searches: dict[str, list[Progress]] = {method: [] for method in _METHODS}
    for method, seed in tqdm(pairs, unit="search"):
        searches[method].append(_searched(arguments.keep, arguments.space, method, seed, arguments.epochs))
    result = {
        "command": command("real_searches", str(arguments.keep)),
        "seeds": arguments.seeds,
        "epochs": arguments.epochs,
        **figures(searches, arguments.epochs, load_space(arguments.space).reference_losses),
        **surroundings(("torch", "ray", "optuna", "mlflow")),
    }
    write_result(_RESULTS / f"real_searches_{arguments.space}.json", result)


def _searched(keep: Path, space: str, method: str, seed: int, epochs: int) -> Progress:
    runs_dir, name = keep / f"{space}_{method}_{seed}_{epochs}", method
    if not (runs_dir / "done").exists():
        shutil.rmtree(runs_dir, ignore_errors=True)  # an interrupted search has no true wall time
        changes = {"sampler": f"search.sampler={method}", "scheduler": f"early_stopping.scheduler={_METHODS[method]}"}
        sets = [word for change in (*changes.values(), f"search.max_epochs={epochs}") for word in ("--set", change)]
        words = ["--space", space, "--name", name, "--runs-dir", str(runs_dir), "--seed", str(seed)]
        subprocess.run(
            [sys.executable, "-m", "tuner.run", *words, "--trials", str(_NO_LIMIT), *sets],
            check=True,
            stdout=subprocess.DEVNULL,
            env=own_environment(),
        )
    folder = find_search(runs_dir, name)
    with folder.ledger() as ledger:
        trials, searched = ledger.load(), folder.space()
        assert finished(searched, trials)
        (runs_dir / "done").touch()
        return progress(searched, trials)


def progress(space: Space, trials: Sequence[TrialRecord]) -> Progress:
    """Return the progress of a finished search."""
    completed = sorted((trial for trial in trials if trial.outcome is Outcome.COMPLETED), key=_end)
    ends = np.array([_end(trial) for trial in completed])
    reports = np.sort(np.concatenate([report_times(trial) for trial in trials]))
    began = min(trial.started for trial in trials)
    return Progress(
        np.searchsorted(reports, ends, side="right").astype(np.float64),
        ends - began,
        as_losses([trial.last_metrics for trial in completed], space.objective_list),
        len(trials),
        max(_end(trial) for trial in trials) - began,
    )


def _end(trial: TrialRecord) -> float:
    assert trial.ended is not None
    return trial.ended


def figures(searches: dict[str, list[Progress]], epochs: int, reference: FloatArray) -> dict[str, Any]:
    """Return means and standard errors of each method, and of the forecast's lead over the other with each seed.

    Wall time is compared at shares of the time of the shortest search.
    """
    seconds = min(run.duration for runs in searches.values() for run in runs)
    found: dict[str, Any] = {"seconds_compared": round(seconds, 1)}
    growths: dict[str, Growth] = {
        "hypervolume": lambda losses: front_growth(losses, reference).hypervolumes,
        "hypervolume_on_the_scale_of_the_front": _on_the_scale_of_their_front(searches),
    }
    for name, growth in growths.items():
        found[name] = {
            "equal_epochs": _compared(searches, Progress.at_epochs, epochs, growth),
            "equal_wall_time": _compared(searches, Progress.at_seconds, seconds, growth),
        }
    for method, runs in searches.items():
        found[method] = {
            "seconds": _rounded([run.duration for run in runs]),
            "trials": _rounded([run.trials for run in runs]),
            "completed": _rounded([len(run.epochs) for run in runs]),
        }
    return found


def _on_the_scale_of_their_front(searches: dict[str, list[Progress]]) -> Growth:
    """Return the hypervolume on a scale on which the front of all searches reaches from 0 to 1 in each objective."""
    losses = np.vstack([run.losses for runs in searches.values() for run in runs])
    front = losses[is_non_dominated(losses)]
    low, extent = front.min(axis=0), spans(front)
    reference = np.full(losses.shape[1], _BEYOND_THE_FRONT)
    return lambda losses: front_growth((losses - low) / extent, reference).hypervolumes


def _compared(
    searches: dict[str, list[Progress]],
    volume: Callable[[Progress, float, Growth], float],
    whole: float,
    growth: Growth,
) -> dict[str, dict[str, list[float]]]:
    """Return the hypervolumes at shares of the whole limit, and the lead."""
    found = {}
    for share in _SHARES:
        rows = {method: [volume(run, share * whole, growth) for run in runs] for method, runs in searches.items()}
        lead = [ours - other for ours, other in zip(rows["forecast"], rows["motpe"], strict=True)]
        found[str(share)] = {name: _rounded(row) for name, row in {**rows, "lead": lead}.items()}
    return found


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(figure, 4) for figure in mean_and_error(values)]


if __name__ == "__main__":
    main()
