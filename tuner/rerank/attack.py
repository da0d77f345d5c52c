"""Attacks trained trials of a search on the validation images with which the search compared them."""

import math
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from training.attacks import Adversary, AttackError, Scale, attacks_of
from training.attacks.adversary import edge_of
from training.config import TrialConfig
from training.evaluation import Evaluation, StateFile, Suite, evaluate_robustness
from training.evaluation.resume_state import ResumeStateError
from training.trainer.selected_epoch import measuring_images
from tuner.export.trial_model import TrainedModel, find_trial, load_trained_model
from tuner.ledger import TrialRecord
from tuner.rerank.order import Attacked, Model, metrics_of
from tuner.runs.folder import SearchFolder
from tuner.space import Space

# Called with the model, the number of finished batches and the number of all batches.
OnBatch = Callable[[Model, int, int], None]


def attack_trials(
    folder: SearchFolder,
    space: Space,
    records: list[TrialRecord],
    models: Sequence[Model],
    attacks: Sequence[str],
    *,
    data_root: Path | None = None,
    on_batch: OnBatch | None = None,
) -> list[Attacked]:
    """Return the accuracies of some trials under all `attacks` together, in the order of `models`.

    Norm and radius are those of the search. Each trial is attacked with its last checkpoint, or that of the epoch, on a
    GPU if there is one. The folder `rerank` of the search has the state of each evaluation, so that an interrupted call
    continues. Raise UsageError if a trial has no weights or other data, AttackError if a model cannot be evaluated.
    """
    found = []
    for wanted in models:
        number, epoch = wanted
        record = find_trial(records, number, folder)
        model = load_trained_model(folder, space, record, data_root, epoch)
        name = f"trial-{number}.json" if epoch is None else f"trial-{number}-epoch-{epoch}.json"
        state = folder.path / "rerank" / f"{zlib.crc32(','.join(attacks).encode()):08x}" / name
        state.parent.mkdir(parents=True, exist_ok=True)
        evaluation = _evaluated(model, attacks, state, on_batch and _of(wanted, on_batch))
        found.append(
            Attacked(
                trial=number,
                pgd_accuracy=metrics_of(record, epoch)["pgd_accuracy"],
                natural_accuracy=evaluation.natural_accuracy,
                robust=round(evaluation.worst_case_accuracy * len(evaluation.natural)),
                images=len(evaluation.natural),
                warnings=tuple(sign.code for sign in evaluation.warnings),
                epoch=epoch,
            )
        )
    return found


def suite_of(config: TrialConfig, attacks: Sequence[str], classes: int) -> Suite:
    """Return the suite of named attacks, with the norm, the radius and the step size with which the search measured.

    Raise AttackError for an attack that has another ball: its result says nothing of the robust accuracy.
    """
    step_size = config.eval_attack_step_size
    scale = Scale(norm=config.norm, epsilon=config.epsilon, step_size=step_size, rate=0.01, classes=classes)
    built = [attack for text in attacks for attack in attacks_of(text, scale)]
    for attack in built:
        _require_inside(attack, config)
    return Suite(name="rerank", norm=config.norm, epsilon=config.epsilon, attacks=tuple(built))


def _require_inside(attack: Adversary, config: TrialConfig) -> None:
    """Raise AttackError unless every image of the attack lies in the ball of the search, or it minimises a distance."""
    if attack.norm == config.norm and (math.isinf(attack.epsilon) or attack.epsilon <= edge_of(config.epsilon)):
        return
    radius = "without a bound" if math.isinf(attack.epsilon) else f"of radius {attack.epsilon:.4g}"
    raise AttackError(
        f"{attack.name} is an attack in {attack.norm} {radius}, but the search measures in the {config.norm} ball of"
        f" radius {config.epsilon:.4g}: leave it out, or give it this ball.",
        attack.name,
    )


def _evaluated(
    model: TrainedModel, attacks: Sequence[str], state: Path, on_batch: Callable[[int, int, str], None] | None
) -> Evaluation:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    compared = measuring_images(model.config, len(model.validation))
    images = model.validation.subset(torch.arange(len(model.validation))[compared]).to(device)
    suite = suite_of(model.config, attacks, len(model.class_names))

    def evaluate() -> Evaluation:
        return evaluate_robustness(
            model.classifier.to(device),
            images,
            suite,
            batch_size=model.config.eval_batch_size,
            state=StateFile(state),
            on_batch=on_batch,
        )

    try:
        return evaluate()
    except ResumeStateError:  # of other weights, another device or other versions
        state.unlink()
        return evaluate()


def _of(model: Model, on_batch: OnBatch) -> Callable[[int, int, str], None]:
    return lambda done, total, _attack: on_batch(model, done, total)
