"""Kills at random moments in seeded searches on digits: of the driver, of trials' processes and of the raylet.

Run:  python -m benchmarks.chaos [--kills 100] [--searches 8] [--seed 0]
Every second search runs one trial at a time and must end, to the last bit, like one that nobody killed. Writes
benchmarks/results/chaos.json with hardware, versions, date and command; exits with 1 if anything was lost or repeated.
"""

import argparse
import itertools
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.chaos.checks import Faults, check_epochs, check_mlflow, check_record, epochs_begun, essence, read_trials
from benchmarks.chaos.under_fire import Attacked, Kill, UnderFire
from benchmarks.chaos.victims import Victim
from benchmarks.surroundings import command as command_line
from benchmarks.surroundings import surroundings

_RESULT = Path(__file__).parents[1] / "results" / "chaos.json"
_KINDS = (
    "trials lost",
    "trials ended twice",
    "proposals repeated",
    "records changed",
    "recorded epochs trained again",
    "child runs missing or doubled",
    "ledger and MLflow differ",
    "not as if never killed (one trial at a time)",
)
# Of ten kills; the driver and the raylet take everything with them, a trial's process is soon back.
_TURNS = (*[Victim.DRIVER] * 2, *[Victim.TRIAL] * 7, Victim.RAYLET)


def main() -> None:
    """Run the searches and print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--searches", type=int, default=8)
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where the searches lie and stay; else they are removed")
    arguments = parser.parse_args()
    started = time.perf_counter()
    if arguments.folder is not None:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        searches, faults, counts = _attack(arguments.folder, arguments)
    else:
        with tempfile.TemporaryDirectory() as folder:
            searches, faults, counts = _attack(Path(folder), arguments)
    kills = [kill for search in searches for kill in search.kills]
    found = {
        "figures": {
            "kills": len(kills),
            "of": dict(Counter(f"{kill.victim} by {kill.signal}" for kill in kills)),
            **{kind: len(faults.found.get(kind, [])) for kind in _KINDS},
            "searches not finished": sum(not search.finished for search in searches),
            "drivers that neither went on nor ended": sum(len(search.stuck) for search in searches),
            **counts,
            "longest stop after a driver's SIGTERM (s)": _longest(kills, "SIGTERM"),
            "exit codes after the driver's or the raylet's end": _codes(kills),
        },
        "faults": faults.found,
        "stuck": [line for search in searches for line in search.stuck],
        "minutes": round((time.perf_counter() - started) / 60, 1),
        "command": command_line("chaos"),
        **surroundings(["torch", "ray", "optuna", "mlflow"]),
    }
    text = json.dumps(found, indent=2)
    _RESULT.write_text(text + "\n", "utf-8")
    sys.stdout.write(text + "\n")
    sys.exit(bool(faults.found) or not all(search.finished for search in searches))


def _attack(folder: Path, arguments: argparse.Namespace) -> tuple[list[Attacked], Faults, dict[str, int]]:
    faults = Faults()
    counts: Counter[str] = Counter()
    searches = []
    left = [_TURNS[turn % len(_TURNS)] for turn in range(arguments.kills)]
    random.Random(arguments.seed).shuffle(left)  # noqa: S311 - kills, not secrets
    share = -(-arguments.kills // arguments.searches)
    for index in itertools.count():  # a search that ends early leaves its kills to one more
        if not left:
            break
        rng = random.Random(f"{arguments.seed} {index}")  # noqa: S311
        alone = index % 2 == 1
        words = ["--trials", str(arguments.trials), "--seed", str(arguments.seed + index)]
        words += ["--concurrency", "1" if alone else "2"]
        fire = UnderFire(folder / f"attacked-{index}", rng, words)
        search = fire.run(left[:share])
        left = left[len(search.kills) :]
        searches.append(search)
        trials = read_trials(search.folder)
        begun = epochs_begun(fire.begun_file)
        check_record(trials, search.snapshots, arguments.trials, faults)
        counts["trials"] += len(trials)
        counts["epochs on record"] += sum(trial.epochs_trained for trial in trials)
        counts["epochs begun twice, in flight when killed"] += check_epochs(begun, search.snapshots, faults)
        values = check_mlflow(f"sqlite:///{folder / 'mlflow.db'}", search.folder.name, trials, faults)
        counts["values compared with MLflow"] += values
        if alone:
            left_alone = UnderFire(folder / f"undisturbed-{index}", rng, words).run([])
            counts["searches compared with an undisturbed one"] += 1
            if essence(read_trials(left_alone.folder)) != essence(trials):
                faults.add(_KINDS[-1], search.folder.name)
        print(f"{search.folder.name}: {len(search.kills)} kills, {len(trials)} trials, {faults.found}", flush=True)
    return searches, faults, dict(counts)


def _longest(kills: Sequence[Kill], name: str) -> float | None:
    seconds = [k.seconds for k in kills if k.victim is Victim.DRIVER and k.signal == name and k.seconds is not None]
    return max(seconds, default=None)


def _codes(kills: Sequence[Kill]) -> dict[str, Any]:
    ended = [kill for kill in kills if kill.victim is not Victim.TRIAL]
    return dict(Counter(f"{kill.victim} by {kill.signal}: {kill.code}" for kill in ended))


if __name__ == "__main__":
    main()
