"""A model as files that need only `training`: weights, configuration, facts, and an example that loads them."""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template
from typing import Any

import torch

from training.config import ATTACK_STEPS, sources_in
from training.yaml_text import format_yaml
from tuner.errors import UsageError
from tuner.export.trial_model import TrainedModel
from tuner.ledger import Outcome, TrialRecord
from tuner.report.analysis.front_points import Confirmed
from tuner.space import Space

WEIGHTS, CONFIG, FACTS, EXAMPLE = "weights.pt", "config.yaml", "model.json", "load.py"

_EXAMPLE = Template('''\
"""Trial $trial of $search: load it and classify images. Needs the package `training`. Run: python load.py"""

import json
from pathlib import Path

import torch

from training.config import parse_trial
from training.models import build_model
from training.yaml_text import read_yaml

HERE = Path(__file__).parent
facts = json.loads((HERE / "model.json").read_text("utf-8"))
config = parse_trial(read_yaml(HERE / "config.yaml"))
model = build_model(config, len(facts["class_names"]), tuple(facts["image_shape"]))
model.load_state_dict(torch.load(HERE / "weights.pt", weights_only=True))
model.eval()

images = torch.rand(2, *facts["image_shape"])  # noise; yours: (batch, channels, height, width), float32 in [0, 1]
print("Classes:", [facts["class_names"][index] for index in model(images).argmax(dim=1).tolist()])
''')


@dataclass(frozen=True)
class Origin:
    """Where a model comes from: the search, its id, the trial, its metrics, and its confirmation if there is one.

    `epoch` is that of the weights if the user named one, or if every evaluated epoch may be a point of the front.
    """

    search: str
    search_id: str
    trial: TrialRecord
    metrics: dict[str, float]
    confirmed: Confirmed | None = None
    epoch: int | None = None

    @classmethod
    def of(
        cls,
        search: str,
        search_id: str,
        space: Space,
        trial: TrialRecord,
        confirmed: Confirmed | None = None,
        *,
        epoch: int | None = None,
    ) -> "Origin":
        """Return the origin with the objectives of an epoch; those of the last one, by default, may be final values."""
        names = [objective.name for objective in space.objective_list]
        found = trial.last_metrics
        if epoch is not None:
            found = next((report.metrics for report in trial.reports if report.epoch == epoch), {})
        metrics = {name: found[name] for name in names if name in found}
        return cls(search, search_id, trial, metrics, confirmed, epoch)

    @property
    def is_final(self) -> bool:
        """Whether the model was trained to the end of its schedule."""
        return self.trial.outcome is Outcome.COMPLETED and self.epoch in {None, self.trial.epochs_trained}


def model_facts(model: TrainedModel, origin: Origin) -> dict[str, Any]:
    """Return what a user of the weights has to know, as plain values.

    Among them are the steps of the attack that measured them, if not all epochs of the trial have the same attack.
    """
    trial = origin.trial
    steps = {ATTACK_STEPS: trial.last_metrics[ATTACK_STEPS]} if ATTACK_STEPS in trial.last_metrics else {}
    return {
        "search": origin.search,
        "search_id": origin.search_id,
        "trial": trial.number,
        "outcome": trial.outcome.value,
        "epochs_trained": trial.epochs_trained,
        "epoch_of_weights": model.epoch,
        "parameters": trial.parameters,
        "metrics": origin.metrics,
        **steps,
        "measured_on": "validation split" if origin.is_final else "validation split, unfinished",
        "confirmed": None if origin.confirmed is None else asdict(origin.confirmed),
        "class_names": list(model.class_names),
        "image_shape": list(model.image_shape),
    }


def write_export(out: Path, model: TrainedModel, origin: Origin) -> list[Path]:
    """Write the four files into a folder and return their paths; make the folder if there is none.

    A copy of the trial's own code from outside, which is not installed, goes with them, so that `load.py` finds it.
    Raise UsageError if the folder holds anything but an earlier export, or if it cannot be written.
    """
    used = [source.place for source in sources_in(model.config) if not source.is_installed]
    code = {out / place.name: place for place in used}
    paths = [out / WEIGHTS, out / CONFIG, out / FACTS, *code, out / EXAMPLE]
    try:
        others = sorted(path.name for path in out.iterdir() if path not in paths) if out.is_dir() else []
        if others:
            raise UsageError(f"--out {out} holds other files ({others[0]}): choose a new folder.", out / others[0])
        out.mkdir(parents=True, exist_ok=True)
        torch.save(model.classifier.state_dict(), out / WEIGHTS)
        mapping = format_yaml(model.config.to_mapping())
        (out / CONFIG).write_text(mapping, "utf-8")
        (out / FACTS).write_text(json.dumps(model_facts(model, origin), indent=2) + "\n", "utf-8")
        for copy, source in code.items():
            if source.is_dir():
                shutil.copytree(source, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(source, copy)
        (out / EXAMPLE).write_text(_EXAMPLE.substitute(trial=origin.trial.number, search=origin.search), "utf-8")
    except FileExistsError as error:
        raise UsageError(f"--out {out} is a file: choose a folder.", out) from error
    except OSError as error:
        raise UsageError(f"--out {out} cannot be written to ({error}): choose another folder.", out) from error
    return paths
