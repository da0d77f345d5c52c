"""Fuses what follows a folded convolution, in a traced network: its bias, the sum with a residual, and ReLU.

A convolution leaves its bias to `BiasRelu`. If the residual is itself a folded convolution, such as the projection of a
ResNet, both biases are added at once. A result with several readers, as in every residual network, is given to them in
two copies of the same memory, so that the gradients of two readers are summed inside the fused backward pass.
"""

import operator
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from training.attacks.folded_convolution import FoldedConv
from training.compute.bias_relu import bias_relu, bias_relu_twice

_SUMS = (operator.add, torch.add, operator.iadd)
_RELUS = (functional.relu, torch.relu)


class BiasRelu(nn.Module):
    """relu(x + residual + the biases of `convolutions`), as `bias_relu`; as a pair if it has several readers."""

    def __init__(self, convolutions: list[FoldedConv], *, several_readers: bool) -> None:
        super().__init__()
        self._convolutions = tuple(convolutions)  # a tuple, so that torch does not register them a second time
        self._compute = bias_relu_twice if several_readers else bias_relu
        for convolution in convolutions:
            convolution.leave_bias()
        source = convolutions[0].source
        self.register_buffer("bias", source.weight.detach().new_zeros(source.out_channels))
        self.bias: Tensor

    @torch.no_grad()
    def refresh(self) -> None:
        """Copy the present biases; call it after the `refresh` of the convolutions."""
        biases = [each.bias for each in self._convolutions if each.bias is not None]
        if len(biases) == 1:
            self.bias.copy_(biases[0])
        elif biases:
            torch.add(*biases, out=self.bias)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
        return self._compute(x, self.bias, residual)


class _Match(NamedTuple):
    """What a ReLU reads: convolutions that nothing else reads, the first of which is summed with `residual`."""

    convolutions: list[fx.Node]
    residual: fx.Node | None
    sum: fx.Node | None


def fuse(traced: fx.GraphModule) -> list[BiasRelu]:
    """Replace each ReLU after a folded convolution or a sum with one; return the new modules."""
    modules: dict[str, Any] = dict(traced.named_modules())
    fused: list[BiasRelu] = []
    for relu in list(traced.graph.nodes):
        match = _matched(relu, modules) if is_relu(relu, modules) else None
        if match is None:
            continue
        several = len(relu.users) > 1
        module = BiasRelu([modules[str(node.target)] for node in match.convolutions], several_readers=several)
        name = f"fused_{len(fused)}"
        traced.add_submodule(name, module)
        modules[name] = module  # a later sum may read it
        fused.append(module)
        _replace(traced.graph, relu, match, name, several_readers=several)
    return fused


def is_relu(node: fx.Node, modules: dict[str, Any]) -> bool:
    """Return whether a node is a ReLU of its first argument."""
    if node.op == "call_module":
        module = modules[str(node.target)]
        return type(module) is nn.ReLU and not has_hooks(module)
    return node.op == "call_function" and node.target in _RELUS and bool(node.args)


def has_hooks(module: nn.Module) -> bool:
    """Return whether hooks run beside the module, such as that of an old weight norm, which computes the weight."""
    # torch has no public list of hooks.
    return bool(module._forward_pre_hooks or module._forward_hooks)  # noqa: SLF001


def _matched(relu: fx.Node, modules: dict[str, Any]) -> _Match | None:
    before = relu.args[0]

    def is_own(node: fx.Node) -> bool:
        is_folded = node.op == "call_module" and isinstance(modules[str(node.target)], FoldedConv)
        return is_folded and len(node.users) == 1

    if not isinstance(before, fx.Node):
        return None
    if is_own(before):
        return _Match([before], None, None)
    first, second = _summands(before) if len(before.users) == 1 else (None, None)
    if first is None or second is None or first is second:
        return None
    if is_own(first):
        return _Match([first, second] if is_own(second) else [first], second, before)
    # `first += second` changes a tensor that others may read; a convolution that nothing else reads is no such tensor.
    if is_own(second) and before.target is not operator.iadd:
        return _Match([second], first, before)
    return None


def _summands(node: fx.Node) -> tuple[fx.Node, fx.Node] | tuple[None, None]:
    """Return the two tensors of which a node is the sum, without a factor."""
    if node.op != "call_function" or node.target not in _SUMS or node.kwargs or len(node.args) != 2:
        return None, None
    first, second = node.args
    return (first, second) if isinstance(first, fx.Node) and isinstance(second, fx.Node) else (None, None)


def _replace(graph: fx.Graph, relu: fx.Node, match: _Match, name: str, *, several_readers: bool) -> None:
    arguments = (match.convolutions[0], *([] if match.residual is None else [match.residual]))
    readers = list(relu.users)
    with graph.inserting_before(relu):
        result = graph.call_module(name, arguments)
        copies = [graph.call_function(operator.getitem, (result, place)) for place in range(2 * several_readers)]
    for place, reader in enumerate(readers):
        reader.replace_input_with(relu, copies[min(place, 1)] if several_readers else result)
    graph.erase_node(relu)
    if match.sum is not None:
        graph.erase_node(match.sum)
