"""The network that the attacks of a training work on: a copy with folded batch norms, where one computes the same."""

from torch import Tensor

from training.attacks.batch_norm_folding import FoldedBackbone
from training.attacks.copy_check import copy_fault
from training.compute.precision import Arithmetic
from training.models.bottleneck import Classifier


class AttackedNetwork:
    """A classifier in the arithmetic of attacks, which several attacks can share.

    If `compiled`, its backbone is a copy with folded batch norms. The copy is made for the first images that are
    attacked. `unfit` says then why there is none: the backbone cannot be traced, or the copy has other outputs.
    """

    def __init__(self, model: Classifier, arithmetic: Arithmetic, *, compiled: bool) -> None:
        self.classifier = Classifier(arithmetic.attacked(model.backbone), model.bottleneck, model.head)
        self.unfit: str | None = None
        self._model = model
        self._arithmetic = arithmetic
        self._folded: FoldedBackbone | None = None
        self._is_prepared = not compiled

    def prepare(self, images: Tensor) -> None:
        """Make the copy, if this is the first call; `images` is (batch, channels, height, width) in [0, 1]."""
        if self._is_prepared:
            return
        self._is_prepared = True
        self.unfit = copy_fault(self._model.backbone, images)
        if self.unfit is None:
            self.fold()

    def fold(self) -> None:
        """Make the copy without trying it on images, which have values."""
        self._is_prepared = True
        self._folded = FoldedBackbone(self._model.backbone, self._arithmetic.attack_dtype)
        backbone = self._arithmetic.attacked(self._folded)
        self.classifier = Classifier(backbone, self._model.bottleneck, self._model.head)

    def refresh(self) -> None:
        """Copy the present weights into the folded backbone, if there is one."""
        if self._folded is not None:
            self._folded.refresh()
