"""Kill processes of seeded searches at random moments: the driver, trials, Ray's raylet and its head.

Run:  python -m benchmarks.chaos [--kills 100] [--searches 6] [--trials 40] [--seed 0] [--clients]
The searches train on digits. Every second one runs one trial at a time and must end, to the last bit, like the same
search without kills. With --clients, optuna-dashboard, an Optuna client and an MLflow client write into the searches at
random meanwhile. Writes benchmarks/results/chaos.json, or chaos_with_clients.json, with hardware, versions, date and
command. The exit code is 1 if anything was lost or repeated.
"""

import argparse
import itertools
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from benchmarks.chaos.checks import Faults, check_epochs, check_mlflow, check_record, epochs_begun, essence, read_trials
from benchmarks.chaos.other_clients import other_clients
from benchmarks.chaos.plan import Plan, Turn, options, working_folder
from benchmarks.chaos.tuner_search import TunerSearch
from benchmarks.chaos.under_fire import Attacked, Kill, UnderFire
from benchmarks.chaos.victims import Victim
from benchmarks.surroundings import command as command_line
from benchmarks.surroundings import surroundings, write_result

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


def main() -> None:
    """Run the searches, and print and write the figures."""
    arguments = options(__doc__, clients=True)
    started = time.perf_counter()
    with working_folder(arguments.folder) as folder:
        searches, faults, counts = _attack(folder, arguments)
    kills = [kill for search in searches for kill in search.kills]
    found = {
        "figures": {
            "kills": len(kills),
            "of": dict(Counter(f"{kill.victim} by {kill.signal}" for kill in kills)),
            "in sessions that had trained nothing yet": sum(kill.early for kill in kills),
            **{kind: len(faults.found.get(kind, [])) for kind in _KINDS},
            "searches not finished": sum(not search.finished for search in searches),
            "drivers that neither went on nor ended": sum(len(search.stuck) for search in searches),
            **counts,
            "longest stop after a driver's SIGTERM (s)": _longest(kills, "SIGTERM"),
            "exit codes of the driver after its own end, the raylet's or the head's": _codes(kills),
        },
        "faults": faults.found,
        "stuck": [line for search in searches for line in search.stuck],
        "minutes": round((time.perf_counter() - started) / 60, 1),
        "command": command_line("chaos", str(arguments.folder)),
        **surroundings(["torch", "ray", "optuna", "mlflow"]),
    }
    write_result(_RESULT.with_name("chaos_with_clients.json") if arguments.clients else _RESULT, found)
    sys.exit(bool(faults.found) or any(search.stuck or not search.finished for search in searches))


def _attack(folder: Path, arguments: argparse.Namespace) -> tuple[list[Attacked], Faults, dict[str, int]]:
    faults = Faults()
    counts: Counter[str] = Counter()
    searches = []
    plan = Plan(arguments)
    for index in itertools.count():
        if not plan.left:
            break
        turn = plan.turn(index)
        search = TunerSearch(folder / f"attacked-{index}", turn.words)
        with _clients(arguments, search.folder, turn) as written:
            attacked = UnderFire(search, turn.rng()).run(turn.victims)
        counts.update({f"writes of other clients: {kind}": count for kind, count in written.items()})
        counts["searches begun anew, killed while they were made"] += search.begun_anew
        plan.carried_out(len(attacked.kills))
        searches.append(attacked)
        trials = read_trials(search.folder)
        begun = epochs_begun(search.begun_file)
        check_record(trials, search.snapshots, arguments.trials, faults)
        counts["trials"] += len(trials)
        counts["epochs on record"] += sum(trial.epochs_trained for trial in trials)
        counts["epochs begun twice, in flight when killed"] += check_epochs(begun, search.snapshots, faults)
        values = check_mlflow(f"sqlite:///{folder / 'mlflow.db'}", search.folder.name, trials, faults)
        counts["values compared with MLflow"] += values
        if turn.alone:
            left_alone = TunerSearch(folder / f"undisturbed-{index}", turn.words)
            UnderFire(left_alone, turn.rng()).run([])
            counts["searches compared with an undisturbed one"] += 1
            if essence(read_trials(left_alone.folder)) != essence(trials):
                faults.add(_KINDS[-1], search.folder.name)
        print(f"{search.folder.name}: {len(attacked.kills)} kills, {len(trials)} trials, {faults.found}", flush=True)
    return searches, faults, dict(counts)


def _clients(arguments: argparse.Namespace, folder: Path, turn: Turn) -> AbstractContextManager[Counter[str]]:
    if not arguments.clients:
        return nullcontext(Counter())
    return other_clients(folder, turn.rng(), only_notes=turn.alone)


def _longest(kills: Sequence[Kill], name: str) -> float | None:
    seconds = [k.seconds for k in kills if k.victim is Victim.DRIVER and k.signal == name and k.seconds is not None]
    return max(seconds, default=None)


def _codes(kills: Sequence[Kill]) -> dict[str, Any]:
    ended = [kill for kill in kills if kill.victim is not Victim.TRIAL]
    return dict(Counter(f"{kill.victim} by {kill.signal}: {kill.code}{' (early)' * kill.early}" for kill in ended))


if __name__ == "__main__":
    main()
