"""Any network of ours as a flat list of operators, so that it can be scripted without knowing its classes.

The network is traced twice, at different sizes. Only where both traces are the same program, word for word,
does no size appear in it, and it is right at every height and width. Its operators are called directly:
the functions of ``torch.nn.functional`` would bring in branches that older versions of torch cannot compile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Graph, GraphModule, Node

from understudy.errors import ExportError

SIDES = ((4, 3), (3, 5))
"""Heights and widths of the two traces, in strides."""

MOST_NUMBERS = 1 << 14


def flatten(
    network: Any, function: Callable[..., Tensor], channels: tuple[int, ...], side: int = 0
) -> GraphModule:
    """``function(network, *tensors)`` as one module of operators that owns copies of the weights it needs.

    ``channels``: of each tensor (1, C, H, W), whose height and width are multiples of ``network.stride``, or
    are always ``side``, where there is one.
    ExportError when the network computes with its input's size.
    """
    if side:
        return _with_weights(_trace(network, function, channels, (side, side)), _weights(network))
    sizes = [(height * network.stride, width * network.stride) for height, width in SIDES]
    first, second = (_trace(network, function, channels, size) for size in sizes)
    if first.code != second.code:
        raise ExportError(
            "The network cannot be exported for every frame size.",
            expected="the same operators at every height and width",
            found="operators that depend on the size of the frame",
            remedy="Use understudy apply or understudy serve with this network.",
        )
    return _with_weights(first, _weights(network))


@dataclass(frozen=True)
class _Weights:
    """All tensors of a network by name, and which of them are numbers that were measured, not learned."""

    state: dict[str, Tensor]
    numbers: frozenset[str]


def _weights(network: nn.Module) -> _Weights:
    buffers = {name: value for name, value in network.named_buffers() if value.numel()}
    few = {
        name for name, value in buffers.items() if value.numel() <= MOST_NUMBERS and value.is_floating_point()
    }
    return _Weights({**dict(network.named_parameters()), **dict(network.named_buffers())}, frozenset(few))


def _trace(
    network: Any, function: Callable[..., Tensor], channels: tuple[int, ...], size: tuple[int, int]
) -> GraphModule:
    from torch.func import functional_call, functionalize
    from torch.fx.experimental.proxy_tensor import make_fx

    caller = _Caller(network, function)
    shapes = [(1, count, *size) for count in channels]

    def run(state: dict[str, Tensor], *tensors: Tensor) -> Tensor:
        return functional_call(caller, {f"network.{name}": value for name, value in state.items()}, tensors)

    with torch.no_grad():
        return make_fx(functionalize(run))(_weights(network).state, *(torch.rand(shape) for shape in shapes))


class _Caller(nn.Module):
    """A function of a network as a module, so that its weights can be given from outside."""

    def __init__(self, network: Any, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.network = network
        self.function = function

    def forward(self, *tensors: Tensor) -> Tensor:
        return self.function(self.network, *tensors)


def _with_weights(traced: GraphModule, network: _Weights) -> GraphModule:
    """The trace with its weights as attributes, each brought to the dtype of the picture when it is used."""
    state = network.state
    given = [node for node in traced.graph.nodes if node.op == "placeholder"]
    names = dict(zip(given, state, strict=False))
    owner, graph = nn.Module(), Graph()
    made: dict[Node, Node] = {}
    pictures = [graph.placeholder(f"x{index}") for index in range(len(given) - len(state))]
    made.update(zip(given[len(state) :], pictures, strict=True))
    for node in traced.graph.nodes:
        if node.op == "placeholder":
            if node in names and node.users:
                made[node] = _weight(graph, owner, names[node], network, pictures[0])
        elif node.op == "output":
            graph.output(made[_only(node.args[0])])
        else:
            made[node] = graph.node_copy(node, made.__getitem__)
            _call_by_name(made[node])
    graph.lint()
    return GraphModule(owner, graph, "FlatNetwork")


def _weight(graph: Graph, owner: nn.Module, name: str, network: _Weights, picture: Node) -> Node:
    plain = "w_" + name.replace(".", "_")
    value = network.state[name].detach()
    if name in network.numbers:
        owner.add_module(plain, Numbers(value))
        return graph.call_module(plain, (picture,))
    owner.register_buffer(plain, value.clone().contiguous())
    return graph.call_method("type_as", (graph.get_attr(plain), picture))


class Numbers(nn.Module):
    """A few numbers that are no weights, such as the range of the inputs: they stay exact where a host turns
    all weights into half precision."""

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.values = value.double().flatten().tolist()
        self.shape = list(value.shape) or [1]  # a script cannot tell the type of an empty list

    def forward(self, x: Tensor) -> Tensor:
        """The numbers in the dtype and on the device of ``x``."""
        return torch.tensor(self.values, dtype=torch.float32, device=x.device).reshape(self.shape).type_as(x)


def _only(result: Any) -> Node:
    return result[0] if isinstance(result, list | tuple) else result


def _call_by_name(node: Node) -> None:
    """The operator itself instead of one overload of it: what a script can call. Nothing of one device."""
    if isinstance(node.target, torch._ops.OpOverload):
        node.target = node.target.overloadpacket
    node.kwargs = {key: value for key, value in node.kwargs.items() if key not in ("pin_memory", "device")}
