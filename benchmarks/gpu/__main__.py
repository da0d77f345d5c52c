"""Everything that only a GPU can measure, in parts of at most nine minutes.

Run:  python -m benchmarks.gpu --part N [--data-root DIR] [--out DIR]       (--list shows the parts)
A part writes part-N.json after each measurement. Started again, it measures what is missing, and no other part changes
its file. Parts 6 and 7 need CIFAR-10 and MNIST in --data-root and several starts: they train, and continue from
checkpoints. Needs only torch, torchvision, Pillow, tqdm and NumPy; part 1 also runs `pytest --noconftest tests/gpu` if
pytest is there. Exit code 0: the part is complete; 3: start it again.
"""

import argparse
import sys
import time
from pathlib import Path

import torch

from benchmarks.gpu.parts import PARTS, Setting
from benchmarks.gpu.record import run_units
from benchmarks.surroundings import command, surroundings

_AGAIN = 3
# Nine minutes, less what the last unit may take longer than those before it.
_SECONDS = 480.0
_RESULTS = Path(__file__).parents[1] / "results" / "gpu"


def main() -> int:
    """Measure one part and return the exit code."""
    arguments = _arguments()
    if arguments.list or arguments.part is None:
        for number, part in PARTS.items():
            print(f"{number}  {part.question}")
        return 0
    if arguments.device == "cuda" and not torch.cuda.is_available():
        print("This machine has no GPU that torch can use. --device cpu tries the benchmark itself.", file=sys.stderr)
        return 2
    name = torch.cuda.get_device_name() if arguments.device == "cuda" else None
    part = PARTS[arguments.part]
    about = {
        "question": part.question,
        "command": command("gpu", arguments.data_root, str(arguments.out)),
        **surroundings(["torch", "torchvision", "numpy"], device=name),
    }
    setting = Setting(arguments.device, arguments.data_root, arguments.out / "work")
    file = arguments.out / f"part-{arguments.part}.json"
    units = part.units(setting)
    open_units = run_units(file, units, about, seconds=arguments.seconds, clock=time.monotonic)
    print(f"{file}: {len(units) - len(open_units)} of {len(units)} measured")
    if open_units:
        print(f"Start the same command again for {', '.join(open_units)}.")
    return _AGAIN if open_units else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", type=int, choices=list(PARTS), help="which part to measure")
    parser.add_argument("--list", action="store_true", help="show the parts")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda", help="cpu: tiny work, to try it out")
    parser.add_argument("--data-root", default="data", help="folder with the data sets of parts 6 and 7")
    parser.add_argument("--out", type=Path, default=_RESULTS, help="folder of the results")
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="start no measurement that would end later")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
