"""The time of the trainer's steps, compared with a plain loop of the same configuration, on a CPU or one GPU.

Run:  python -m benchmarks.trainer_speed [--architectures cnn4 resnet18 wrn34_10] [--batches 128 512] [--rounds 5]
A step is one of shared information with PGD-10. Each side runs in a separate process, and the sides take turns with a
round of steps each. The factor is the median over rounds of the plain loop's time divided by the side's time. Needs
neither Ray nor MLflow. Writes benchmarks/results/trainer_speed_cpu.json, or ..._NAME-OF-THE-GPU.json, with hardware,
versions, date and command. --profile prints which operations take the trainer's time in the last of --precisions;
--trace FILE writes a trace for Perfetto.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from benchmarks.surroundings import command, surroundings
from benchmarks.trainer_speed.comparison import Setting, compared, table
from benchmarks.trainer_speed.peak import peaks
from benchmarks.trainer_speed.side import Side, Task
from benchmarks.trainer_speed.work import work_for

_RESULTS = Path(__file__).parents[1] / "results"
_DEFAULTS = {
    "cpu": {"architectures": ["digits_cnn", "cnn4", "resnet18"], "batches": [128], "steps": 1},
    "cuda": {"architectures": ["resnet18", "wrn34_10"], "batches": [128, 512], "steps": 20},
}
_PRECISIONS = {"cpu": ["fp32", "bf16"], "cuda": ["fp32", "tf32", "bf16"]}


def main() -> None:
    """Measure each combination, write it, and print the table."""
    arguments = _arguments()
    device = arguments.device
    setting = Setting(device, arguments.threads, arguments.steps, arguments.rounds)
    name = torch.cuda.get_device_name() if device == "cuda" else None
    found_peaks = peaks(device, arguments.threads)
    file = _RESULTS / f"trainer_speed_{(name or 'cpu').lower().replace(' ', '-')}.json"
    rows: list[dict[str, Any]] = []
    for architecture in arguments.architectures:
        for batch_size in arguments.batches:
            work = work_for(architecture, batch_size, arguments.attack_steps)
            rows += compared(work, arguments.precisions, setting, found_peaks)
            found = {
                "rows": rows,
                "peak_tflops": found_peaks,
                "threads": arguments.threads,
                "command": command("trainer_speed", arguments.trace),
                **surroundings(["torch", "torchvision"], device=name),
            }
            file.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
            if arguments.profile or arguments.trace:
                side = Side(Task(arguments.precisions[-1], work, device, arguments.threads, arguments.steps))
                side.ask("round")
                print(side.ask("profile", arguments.trace))
                side.close()
    print(table(rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--architectures", nargs="+")
    parser.add_argument("--batches", nargs="+", type=int)
    parser.add_argument("--attack-steps", type=int, default=10)
    parser.add_argument("--steps", type=int, help="training steps of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--precisions", nargs="+", choices=["fp32", "tf32", "bf16"])
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--trace", metavar="FILE")
    arguments = parser.parse_args()
    arguments.precisions = arguments.precisions or _PRECISIONS[arguments.device]
    for key, value in _DEFAULTS[arguments.device].items():
        if getattr(arguments, key) is None:
            setattr(arguments, key, value)
    return arguments


if __name__ == "__main__":
    main()
