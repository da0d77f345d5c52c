"""A training loop like those of public code: eager, float32 with TF32 on, NCHW, torchattacks, DataLoader workers.

The terms of the objective are the project's own, so that both sides compute the same loss. The rest is written as a
user of torch, torchvision and torchattacks would write it.
"""

import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, RandomSampler
from torchvision import transforms

from benchmarks.trainer_speed.work import CLASSES, Work
from training.losses import Batch, ModelForwardPass, build_objective, weighted_total
from training.models import build_model

WORKERS = 2
_ENDLESS = 10**9
_PADDING = 4


class PlainLoop:
    """Takes steps of the plain loop."""

    fallbacks: list[str] = []  # noqa: RUF012 - never changed

    def __init__(self, work: Work, device: torch.device, steps: int) -> None:
        """`steps` are those of a round."""
        config = work.config
        torch.manual_seed(0)
        torch.backends.cuda.matmul.fp32_precision = "tf32"
        self._device = device
        self._steps = steps
        self._model = build_model(config, CLASSES, work.shape).to(device)
        generator = torch.Generator(device).manual_seed(0)
        self._objective = build_objective(config, self._model, steps * config.batch_size, generator)
        self._forward_pass = ModelForwardPass(self._model, generator, joint=False, sampled=True)
        self._attack = _LibraryAttack(self._model, config.epsilon, config.attack_step_size, config.attack_steps)
        self._optimiser = torch.optim.SGD(
            self._model.parameters(), config.learning_rate, momentum=config.momentum, weight_decay=config.weight_decay
        )
        pictures = work.data(steps).train
        data = _Pictures(pictures.images, pictures.labels, crop=config.augmentation != "none")
        # Endless, because otherwise the loop would wait for the workers at the start of every round.
        loader = DataLoader(
            data,
            batch_size=config.batch_size,
            sampler=RandomSampler(data, replacement=True, num_samples=_ENDLESS),
            num_workers=WORKERS,
            pin_memory=device.type == "cuda",
        )
        self._batches: Iterator[tuple[Tensor, Tensor]] = iter(loader)

    @property
    def attack(self) -> str:
        """The library of the attack."""
        return self._attack.library

    def round(self) -> float:
        """Take one step, then the steps of a round, and return the seconds of these."""
        self._step()
        self._wait()
        started = time.perf_counter()
        for _ in range(self._steps):
            self._step()
        self._wait()
        return time.perf_counter() - started

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize()

    def _step(self) -> None:
        images, labels = (value.to(self._device, non_blocking=True) for value in next(self._batches))
        self._model.train()
        terms = self._objective.terms(Batch(images, labels, labels), self._attack, self._forward_pass)
        total = weighted_total(terms, self._objective.weights(1.0))
        self._optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()


class _Pictures(Dataset[tuple[Tensor, Tensor]]):
    def __init__(self, images: Tensor, labels: Tensor, *, crop: bool) -> None:
        side = images.shape[-1]
        random = [transforms.RandomCrop(side, padding=_PADDING), transforms.RandomHorizontalFlip()] if crop else []
        # Arrays with the channels last become images of PIL, like those of torchvision's own data sets.
        self._arrays = [image.permute(1, 2, 0).squeeze(-1).numpy() for image in images]
        self._labels = labels
        self._transform = transforms.Compose([transforms.ToPILImage(), *random, transforms.ToTensor()])

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self._transform(self._arrays[index]), self._labels[index]


class _LibraryAttack:
    """PGD of torchattacks, or the same lines written out if that is not installed."""

    def __init__(self, model: nn.Module, epsilon: float, step_size: float, steps: int) -> None:
        self._model, self._epsilon, self._step_size, self._steps = model, epsilon, step_size, steps
        try:
            from torchattacks import PGD
        except ImportError:
            self.library = "torchattacks' PGD, written out: it is not installed here"
            self._found: Callable[[Tensor, Tensor], Tensor] = self._written_out
        else:
            self.library = "torchattacks' PGD"
            self._found = PGD(model, eps=epsilon, alpha=step_size, steps=steps, random_start=True)

    def __call__(self, images: Tensor, loss: object, *, strength: float = 1.0) -> Tensor:
        """Attack the cross-entropy with the labels in `loss`."""
        del strength
        self._model.eval()
        found = self._found(images, loss.target)  # type: ignore[attr-defined]
        self._model.train()
        return found

    def logits(self, images: Tensor) -> Tensor:
        """Raise NotImplementedError: only TRADES and MMA need this, and this benchmark trains shared information."""
        raise NotImplementedError(self.logits.__doc__)

    def at_margins(self, images: Tensor, labels: Tensor, radii: Tensor, *, largest: float) -> tuple[Tensor, Tensor]:
        """Raise NotImplementedError: only MMA needs this, and this benchmark trains shared information."""
        raise NotImplementedError(self.at_margins.__doc__)

    def _written_out(self, images: Tensor, labels: Tensor) -> Tensor:
        images = images.clone().detach()
        loss = nn.CrossEntropyLoss()
        found = images + torch.empty_like(images).uniform_(-self._epsilon, self._epsilon)
        found = torch.clamp(found, min=0, max=1).detach()
        for _ in range(self._steps):
            found.requires_grad = True
            gradient = torch.autograd.grad(loss(self._model(found), labels), found)[0]
            found = found.detach() + self._step_size * gradient.sign()
            delta = torch.clamp(found - images, min=-self._epsilon, max=self._epsilon)
            found = torch.clamp(images + delta, min=0, max=1).detach()
        return found
