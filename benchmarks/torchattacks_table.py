"""Every attack of the installed torchattacks on a small trained network: what it takes, and whether it is sound.

Run:  python -m benchmarks.torchattacks_table [--images 100]
Trains the network of training/configs/digits.yaml, whose images get three equal channels, because TIFGSM and Pixle need
them. Checks for each attack that the images are valid, that a second call and a direct call of the library give the
same images, and prints a table in Markdown: accuracy, mean distance and seconds. Writes
benchmarks/results/torchattacks_VERSION.json with hardware, versions, date and command.
"""

import argparse
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchattacks
from torch import Tensor, nn

from benchmarks.surroundings import command, surroundings, write_result
from training.attacks import AttackError
from training.attacks.adversary import distances
from training.attacks.from_torchattacks import ATTACKS, TorchAttack, parse_torchattack
from training.config import parse_trial
from training.data import load_test_set, load_trial_data, to_unit
from training.evaluation.checks import require_valid_images
from training.trainer import Trainer
from training.yaml_text import read_yaml

_RESULTS = Path(__file__).parent / "results"
_CONFIG = Path(__file__).parents[1] / "training" / "configs" / "digits.yaml"
_EPSILON, _SEED = 0.28, 3
# What an attack needs beside its defaults: a bound in L2, and the size of a step in proportion to a large epsilon.
_ARGUMENTS = {"PGDL2": "eps=1.0", "PGDRSL2": "eps=1.0", "SPSA": "nb_iter=20"}


class _FromThreeChannels(nn.Module):
    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.classifier(images.mean(dim=1, keepdim=True))
        return logits


def main() -> None:
    """Train, run every attack, and print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100, help="test images of each attack")
    count = parser.parse_args().images
    torch.set_num_threads(1)
    config = parse_trial(read_yaml(_CONFIG))
    trainer = Trainer(config, load_trial_data(config), "cpu")
    trainer.run(lambda *_: None)
    model = _FromThreeChannels(trainer.model).eval()
    test = load_test_set(config)
    images, labels = to_unit(test.images[:count]).repeat(1, 3, 1, 1), test.labels[:count]
    rows = {}
    print("| attack | norm | bound | steps | passes | accuracy | mean distance | seconds | verdict |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in ATTACKS:
        if hasattr(torchattacks, name):
            rows[name] = _row(name, model, images, labels)
            print("| " + " | ".join([f"`{name}`", *map(str, rows[name].values())]) + " |", flush=True)
    figures = {"natural_accuracy": _accuracy(model, images, labels), "images": count, "attacks": rows}
    path = _RESULTS / f"torchattacks_{torchattacks.__version__}.json"
    write_result(
        path, {"figures": figures, "command": command("torchattacks_table"), **surroundings(["torch", "torchattacks"])}
    )


def _row(name: str, model: nn.Module, images: Tensor, labels: Tensor) -> dict[str, Any]:
    facts = ATTACKS[name]
    attack = parse_torchattack(f"torchattacks:{name}({_ARGUMENTS.get(name, '')})", _EPSILON)
    row = {"norm": attack.norm, "bound": facts.bound or "none", "steps": _steps(attack), "passes": facts.cost}
    started = time.perf_counter()
    try:
        found = attack(model, images, labels, seed=_SEED)
        seconds = time.perf_counter() - started
        require_valid_images(attack, images, found)
    except AttackError as error:
        return {**row, "accuracy": "", "distance": "", "seconds": "", "verdict": str(error)}
    again = attack(model, images, labels, seed=_SEED)
    return {
        **row,
        "accuracy": round(_accuracy(model, found, labels), 3),
        "distance": round(distances(images, found, attack.norm).mean().item(), 3),
        "seconds": round(seconds, 2),
        "verdict": _verdict(
            repeats=torch.equal(found, again),
            equals_direct=torch.equal(found, _direct(attack, model, images, labels)),
        ),
    }


def _verdict(*, repeats: bool, equals_direct: bool) -> str:
    if repeats and equals_direct:
        return "valid, repeats, equals a direct call"
    return "differs from a direct call" if repeats else "differs at a second call"


def _steps(attack: TorchAttack) -> str:
    steps = ATTACKS[attack.attack].steps
    if steps is None:
        return "none"
    given = dict(attack.parameters)
    return f"{steps} = {given.get(steps) or attack.defaults[steps]}"


def _direct(attack: TorchAttack, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Call the library itself, with the same seeds."""
    kind = getattr(torchattacks, attack.attack)
    options: dict[str, Any] = dict(attack.parameters)
    accepted = kind.__init__.__code__.co_varnames
    options |= {"seed": _SEED} if "seed" in accepted else {}
    options |= {"n_classes": 10} if "n_classes" in accepted else {}
    torch.manual_seed(_SEED)
    random.seed(_SEED)
    np.random.seed(_SEED)  # noqa: NPY002 - the library draws from it
    found: Tensor = kind(model, **options)(images, labels)
    return found.detach().clamp(0, 1)


def _accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        return float((model(images).argmax(dim=1) == labels).float().mean())


if __name__ == "__main__":
    main()
