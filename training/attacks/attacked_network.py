"""The network that the attacks of a training work on: a copy with folded batch norms, where one computes the same."""

import torch
from torch import Tensor

from training.attacks.batch_norm_folding import FoldedBackbone
from training.attacks.copy_check import copy_fault
from training.compute.bias_relu import kernel_fault
from training.compute.precision import Arithmetic
from training.models.bottleneck import Classifier


class AttackedNetwork:
    """A classifier in the arithmetic of attacks, which several attacks can share.

    If `compiled`, its backbone is a copy with folded batch norms. The copy is made for the first images that are
    attacked. `unfit` says then why there is none: the backbone cannot be traced, or the copy has other outputs. On CUDA
    bias, residual sum and ReLU are one pass in the copy; `unfused` says why they are not.
    """

    def __init__(self, model: Classifier, arithmetic: Arithmetic, *, compiled: bool) -> None:
        self.classifier = Classifier(arithmetic.attacked(model.backbone), model.bottleneck, model.head)
        self.unfit: str | None = None
        self.unfused: str | None = None
        self._model = model
        self._arithmetic = arithmetic
        self._folded: FoldedBackbone | None = None
        self._is_prepared = not compiled

    def prepare(self, images: Tensor) -> None:
        """Make the copy, if this is the first call; `images` is (batch, channels, height, width) in [0, 1]."""
        if self._is_prepared:
            return
        self._is_prepared = True
        fused = self._fuses(images.device)
        self.unfit = copy_fault(self._model.backbone, images, fused=fused)
        if self.unfit is None:
            self.fold(fused=fused)

    def fold(self, *, fused: bool) -> None:
        """Make the copy without trying it on images, which have values."""
        self._is_prepared = True
        self._folded = FoldedBackbone(self._model.backbone, self._arithmetic.attack_dtype, fused=fused)
        backbone = self._arithmetic.attacked(self._folded)
        self.classifier = Classifier(backbone, self._model.bottleneck, self._model.head)

    def refresh(self) -> None:
        """Copy the present weights into the folded backbone, if there is one."""
        if self._folded is not None:
            self._folded.refresh()

    def _fuses(self, device: torch.device) -> bool:
        if device.type != "cuda":
            return False
        fault = kernel_fault(device, self._arithmetic.attack_dtype or torch.float32)
        if fault is not None:
            self.unfused = f"compile: bias and ReLU are passes of their own in the attack: {fault}"
        return fault is None
