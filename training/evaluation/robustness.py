"""Evaluates one classifier: runs every attack on every batch and checks its images; can be resumed at any batch."""

import itertools
import zlib
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.attacks import frozen
from training.attacks.adversary import distances, record_of, require_positive, weights_digest
from training.attacks.finite_logits import NO_CLASS, with_finite_logits
from training.compute.numerics import exact_float32, no_autocast, repeatable_convolutions
from training.compute.random_streams import preserved_randomness
from training.data import ImageSet
from training.data.augment import to_unit
from training.evaluation.attack_runs import AttackRun, attack_runs_of, with_cascade_results
from training.evaluation.checks import (
    count_zero_gradients,
    outputs_are_probabilities,
    require_sound_model,
    require_valid_images,
)
from training.evaluation.evaluated_images import images_digest
from training.evaluation.honest_model import gradient_agreement, require_no_memory, untouched_copy
from training.evaluation.latent import LatentMode, SampledClassifier, model_in_mode, predict
from training.evaluation.result import AttackResult, Evaluation
from training.evaluation.resume_state import ResumeState, StateFile
from training.evaluation.suite import Suite
from training.evaluation.warning_signs import warning_signs

# Called with the number of finished batches, the number of all batches, and the attack of the last batch.
OnBatch = Callable[[int, int, str], None]

_CLEAN = "clean"
_LIBRARIES = ("torch", "pyautoattack", "scipy", "torchattacks")


def evaluate_robustness(
    model: nn.Module,
    image_set: ImageSet,
    suite: Suite,
    *,
    latent: LatentMode | None = None,
    seed: int = 0,
    batch_size: int = 500,
    state: StateFile | None = None,
    on_batch: OnBatch | None = None,
) -> Evaluation:
    """Measure the natural, the per-attack and the worst-case accuracy of `model` on all of `image_set`.

    `model` maps float32 images in [0, 1] to logits and is on the device of `image_set`. The same arguments give the
    same figures on the same device with the same library versions. The model (modes, buffers, gradients) and all global
    random states are restored. The file of `state` is written after every batch; the same call with it continues
    after the last batch. `on_batch(done, total, attack)` is called after every batch. Raise AttackError if the model
    cannot be evaluated (it is randomised in the mode `mean`, remembers what it saw, or is never finite), if an attack
    returns invalid images, or if the state file belongs to another evaluation.
    """
    mode = latent or LatentMode()
    require_positive("The evaluation", images=len(image_set), batch_size=batch_size)
    device = image_set.images.device
    with (
        preserved_randomness(device),
        frozen(model),
        exact_float32(),
        repeatable_convolutions(),
        no_autocast(device),
    ):
        attacked = model_in_mode(model, mode, device)
        untouched = untouched_copy(attacked) if mode.deterministic else None
        measurement = _Measurement(attacked, image_set, suite, mode=mode, seed=seed, batch_size=batch_size, state=state)
        first = measurement.batch(0)[0]
        require_sound_model(attacked, first, deterministic=mode.deterministic)
        require_no_memory(attacked, untouched, first, suite.epsilon)
        measurement.measure(on_batch)
        require_no_memory(attacked, untouched, first, suite.epsilon)
    return measurement.evaluation()


class _Measurement:
    """One evaluation: the model, the batches of images, the attack runs, and the results so far."""

    def __init__(
        self,
        model: nn.Module,
        image_set: ImageSet,
        suite: Suite,
        *,
        mode: LatentMode,
        seed: int,
        batch_size: int,
        state: StateFile | None,
    ) -> None:
        self._model, self._images, self._suite, self._mode = model, image_set, suite, mode
        self._attacked = with_finite_logits(model)
        self._seed, self._batch_size = seed, batch_size
        self._batches = -(-len(image_set) // batch_size)
        self._runs = attack_runs_of(suite, mode)
        self._record = {
            **mode.record(),
            "seed": seed,
            "batch_size": batch_size,
            "precision": "float32, TF32 off",
            "weights": weights_digest(model),
            "image_hash": images_digest(image_set),
            "device": image_set.images.device.type,
            "versions": _versions(),
        }
        parameters = {run.key: record_of(run.adversary) for run in self._runs}
        configuration = {**self._record, "attacks": parameters, **(state.identity if state else {})}
        self._state = ResumeState(configuration, state.path if state else None)

    def batch(self, number: int) -> tuple[Tensor, Tensor]:
        """Return the images, float32 in [0, 1], and the labels of one batch."""
        part = slice(number * self._batch_size, (number + 1) * self._batch_size)
        return to_unit(self._images.images[part]).contiguous(), self._images.labels[part]

    def measure(self, on_batch: OnBatch | None) -> None:
        """Run everything that is not in the state yet, attack by attack and batch by batch."""
        runs = (None, *self._runs)
        for done, (run, number) in enumerate(itertools.product(runs, range(self._batches)), start=1):
            key = _CLEAN if run is None else run.key
            if not self._state.has(key, number):
                outcome = self._measure_clean(number) if run is None else self._measure_attack(run, number)
                self._state.put(key, number, outcome)
            if on_batch is not None:
                on_batch(done, len(runs) * self._batches, key)

    def _measure_clean(self, number: int) -> dict[str, Any]:
        images, labels = self.batch(number)
        predicted = self._predict(_CLEAN, number, images)
        right = predicted == labels
        self._reseed(_CLEAN, number, "gradient")
        return {
            "robust": _bits(right),
            "not_finite": _count_not_finite(predicted),
            "zero": count_zero_gradients(self._model, images[right], labels[right]),
            "probabilities": outputs_are_probabilities(self._model, images),
            "agreement": self._agreement(images) if number == 0 else 1.0,
        }

    def _agreement(self, images: Tensor) -> float:
        return gradient_agreement(self._model, images) if self._mode.deterministic else 1.0

    def _measure_attack(self, run: AttackRun, number: int) -> dict[str, Any]:
        images, labels = self.batch(number)
        robust = _flags(self._state.outcome(run.after or _CLEAN, number)["robust"]).to(labels.device)
        chosen = torch.ones_like(robust) if run.adversary.whole_batch else robust
        if not robust.any():
            return {"robust": _bits(robust), "not_finite": 0, "distances": []}
        self._reseed(run.key, number, "attack")
        found = run.adversary(self._attacked, images[chosen], labels[chosen], seed=self._seed)
        adversarial = require_valid_images(run.adversary, images[chosen], found)[robust[chosen]]
        clean, true = images[robust], labels[robust]
        predicted = self._predict(run.key, number, adversarial)
        broken = predicted != true
        lengths = distances(clean[broken], adversarial[broken], run.adversary.norm)
        robust[robust.clone()] = ~broken
        return {
            "robust": _bits(robust),
            "not_finite": _count_not_finite(predicted),
            "distances": [float(f"{length:.7g}") for length in lengths.tolist()],
        }

    def _predict(self, key: str, number: int, images: Tensor) -> Tensor:
        return predict(self._model, images, self._mode, _seed_of(self._seed, key, number, "prediction"))

    def _reseed(self, key: str, number: int, purpose: str) -> None:
        if isinstance(self._model, SampledClassifier):
            self._model.reseed(_seed_of(self._seed, key, number, purpose))

    def evaluation(self) -> Evaluation:
        """Combine the results of all batches."""
        clean = [self._state.outcome(_CLEAN, number) for number in range(self._batches)]
        natural = tuple(flag for batch in clean for flag in _flags(batch["robust"]).tolist())
        zero = sum(batch["zero"] for batch in clean)
        results = with_cascade_results([self._result(run) for run in self._runs], self._suite)
        return Evaluation(
            suite=self._suite.name,
            epsilon=self._suite.epsilon,
            natural=natural,
            attacks=tuple(results),
            warnings=warning_signs(
                natural,
                results,
                self._mode,
                zero_gradients=zero,
                probabilities=all(batch["probabilities"] for batch in clean),
                not_finite=self._not_finite(),
                norm=self._suite.norm,
                agreement=clean[0]["agreement"],
            ),
            record=self._record,
            zero_gradients=zero,
            norm=self._suite.norm,
        )

    def _not_finite(self) -> dict[str, int]:
        """Return the number of predictions that were not finite, clean and by attack, where there are any."""
        keys = {_CLEAN: _CLEAN, **{run.key: run.adversary.name for run in self._runs}}
        counts = {
            name: sum(self._state.outcome(key, number)["not_finite"] for number in range(self._batches))
            for key, name in keys.items()
        }
        return {name: count for name, count in counts.items() if count}

    def _result(self, run: AttackRun) -> AttackResult:
        batches = [self._state.outcome(run.key, number) for number in range(self._batches)]
        attack = run.adversary
        return AttackResult(
            key=run.key,
            name=attack.name,
            family=attack.family,
            norm=attack.norm,
            epsilon=attack.epsilon,
            robust=tuple(flag for batch in batches for flag in _flags(batch["robust"]).tolist()),
            distances=tuple(length for batch in batches for length in batch["distances"]),
            parameters=record_of(attack),
            part_of=run.part_of,
            curve=run.curve,
        )


def _seed_of(seed: int, key: str, batch: int, purpose: str) -> int:
    """Return the seed for one purpose: a prediction must not use the draws of the latent that the attack has used."""
    words = [seed, zlib.crc32(key.encode()), batch, zlib.crc32(purpose.encode())]
    return int(np.random.SeedSequence(words).generate_state(1)[0])


def _count_not_finite(predicted: Tensor) -> int:
    return int((predicted == NO_CLASS).sum())


def _bits(flags: Tensor) -> str:
    return "".join("1" if flag else "0" for flag in flags.tolist())


def _flags(bits: str) -> Tensor:
    return torch.tensor([bit == "1" for bit in bits], dtype=torch.bool)


def _versions() -> Mapping[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found
