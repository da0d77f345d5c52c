"""Folds batch norm into the convolutions before it, for an attack on a backbone in eval mode.

An attack of ten steps passes ten times through the same weights. In eval mode batch norm is a scale and a shift for
each channel. Both are merged into the weights of the convolution once, which saves the forward and backward passes of
batch norm over the activations.
"""

import operator
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from training.attacks.folded_convolution import FoldedConv
from training.attacks.fused_graph import BiasRelu, fuse, has_hooks, is_relu
from training.attacks.pgd import frozen
from training.models.layers import InputConv2d


class FoldedBackbone(nn.Module):
    """Computes the features of a backbone in eval mode, up to rounding, with the weights at the last `refresh`.

    What cannot be folded is shared with the backbone and follows its mode: dropout modules, batch norms that follow no
    convolution or lack scales or statistics, and modules that compute anything else than torch's own classes, by
    inheritance, hooks or parametrisations.
    ReLU works in place where nothing else reads its input. `dtype` is the type of all convolutions except the first,
    for a run under autocast of the same type; None means the type of the weights. With `fused` biases, sums with
    residuals and ReLU are one pass each; that needs `kernel_fault` to be None, else it is slower.
    """

    def __init__(self, backbone: nn.Module, dtype: torch.dtype | None = None, *, fused: bool = False) -> None:
        """Trace `backbone`; its control flow must not depend on values.

        It is traced in eval mode, because code that asks for the mode, such as that of a functional dropout, is
        recorded with the answer.
        """
        super().__init__()
        tracer = _Tracer()
        with frozen(backbone):
            graph = tracer.trace(backbone)
        traced = fx.GraphModule(backbone, graph)
        self._copies: list[FoldedConv | BiasRelu] = [*_fold(traced, dtype)]
        if fused:
            self._copies += fuse(traced)  # after the convolutions, whose biases they copy
        _work_in_place(traced)
        traced.delete_all_unused_submodules()
        traced.recompile()
        # Graph, tracer and module refer to each other and would keep the weights of a finished trial in memory.
        graph.owning_module = None
        vars(tracer).clear()
        self._traced = traced
        self.refresh()

    def refresh(self) -> None:
        """Copy the present weights and statistics of the backbone."""
        for each in self._copies:
            each.refresh()

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self._traced(images)
        return features


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        # By default only torch's own classes are leaves; subclasses of those that may be folded must be leaves as well.
        return isinstance(m, nn.Conv2d | nn.BatchNorm2d) or super().is_leaf_module(m, module_qualified_name)


def _fold(traced: fx.GraphModule, dtype: torch.dtype | None) -> list[FoldedConv]:
    """Replace every convolution, together with the batch norm right after it, by a folded convolution."""
    modules: dict[str, Any] = dict(traced.named_modules())
    folded = []
    convolutions = [n for n in traced.graph.nodes if _is_a(n, nn.Conv2d, modules)]
    for node in [n for n in convolutions if _is_plain_convolution(modules[n.target])]:
        readers = [user for user in node.users if _is_a(user, nn.BatchNorm2d, modules)]
        is_folded = len(node.users) == len(readers) == 1 and _is_plain_norm(modules[readers[0].target])
        norm = readers[0] if is_folded else None
        convolution = FoldedConv(modules[node.target], norm and modules[norm.target], dtype)
        folded.append(convolution)
        node.target = f"folded_{len(folded)}"
        traced.add_submodule(node.target, convolution)
        if norm is not None:
            norm.replace_all_uses_with(node)
            traced.graph.erase_node(norm)
    return folded


def _work_in_place(traced: fx.GraphModule) -> None:
    """Let ReLU overwrite the outputs of sums and convolutions, because their gradients do not need these outputs."""
    modules: dict[str, Any] = dict(traced.named_modules())
    for node in list(traced.graph.nodes):
        if not is_relu(node, modules):
            continue
        before = node.args[0]
        overwritable = before.target is operator.add or _is_a(before, FoldedConv, modules)
        if overwritable and len(before.users) == 1:
            with traced.graph.inserting_after(node):
                replaced = traced.graph.call_function(functional.relu, (before,), {"inplace": True})
            node.replace_all_uses_with(replaced)
            traced.graph.erase_node(node)


def _is_plain_convolution(module: nn.Module) -> bool:
    kinds = (nn.Conv2d, InputConv2d)
    return type(module) in kinds and not has_hooks(module) and module.padding_mode == "zeros"


def _is_plain_norm(module: nn.Module) -> bool:
    has_all = module.running_mean is not None and module.running_var is not None and module.weight is not None
    return type(module) is nn.BatchNorm2d and not has_hooks(module) and has_all


def _is_a(node: fx.Node, kind: type[nn.Module], modules: dict[str, Any]) -> bool:
    return node.op == "call_module" and isinstance(modules[str(node.target)], kind)
