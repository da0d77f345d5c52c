"""The main job: how long one search of digits_tradeoff takes from the command to its exit, and what it finds.

Run:  python -m benchmarks.main_job [--space digits_tradeoff] [--seed 0]
Writes benchmarks/results/main_job.json with hardware, versions, date and command, and a picture of the front. For
another space the file is main_job_SPACE.json.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.surroundings import own_environment, surroundings, write_result

_RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Run the search in a temporary folder, and print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--space", default="digits_tradeoff")
    parser.add_argument("--seed", default="0")
    arguments = parser.parse_args()
    environment = own_environment()
    results = _RESULTS / (
        "main_job.json" if arguments.space == "digits_tradeoff" else f"main_job_{arguments.space}.json"
    )
    with tempfile.TemporaryDirectory() as folder:
        command = ["-m", "tuner.run", "--space", arguments.space, "--seed", arguments.seed]
        started = time.perf_counter()
        code = subprocess.run([sys.executable, *command, "--runs-dir", folder], check=False, env=environment).returncode
        seconds = time.perf_counter() - started
        if code != 0:
            sys.exit(f"The search ended with exit code {code}; nothing is measured.")
        name = f"{arguments.space}-1"  # as it is called by default in an empty folder
        show = [sys.executable, "-m", "tuner", "show", name, "--runs-dir", folder, "--format", "json"]
        shown = json.loads(subprocess.run(show, check=True, capture_output=True, text=True, env=environment).stdout)
        front = json.loads((Path(folder) / name / "front.json").read_text(encoding="utf-8"))["front"]
        shutil.copy(Path(folder) / name / "front.png", results.with_suffix(".png"))
        figures = _figures(shown, front, _budget(Path(folder), name))
    result = {
        "command": " ".join(["python", *command]),
        "exit_code": code,
        "seconds": round(seconds, 1),
        **figures,
        **surroundings(("torch", "ray", "optuna", "mlflow")),
    }
    write_result(results, result)


def _figures(shown: dict[str, Any], front: list[dict[str, Any]], epochs: int) -> dict[str, Any]:
    trials = shown["trials"]
    natural = [point["metrics"]["natural_accuracy"] for point in front]
    trained = sum(trial["epochs_trained"] for trial in trials)
    return {
        "trials": len(trials),
        "stopped_early": sum(trial["outcome"] == "stopped" for trial in trials),
        "front_points": len(front),
        "front_span_natural_accuracy": round(max(natural) - min(natural), 4) if natural else 0.0,
        "hypervolume": shown["hypervolume"],
        "epochs_trained": trained,
        "share_of_full_budget": round(trained / (len(trials) * epochs), 4),
    }


def _budget(runs_dir: Path, name: str) -> int:
    from tuner.runs.find import find_search

    return find_search(runs_dir, name).space().epochs


if __name__ == "__main__":
    main()
