"""What several mattes are called: the channels of an EXR, and the names in short."""

from __future__ import annotations

from collections.abc import Sequence

ALPHA = ("a", "alpha")
_SINGLE = (*ALPHA, "r", "red", "y")
_COLOURS = ("r", "g", "b", "a", "red", "green", "blue", "alpha", "y")
_DATA = ("z", "depth", "zback", "u", "v", "x", "n")
MATTE = "A"


def layer_of(channel: str) -> str:
    """The layer, or the part, that a full name such as ``hero.A`` or ``hero:A`` says; empty without one."""
    return channel.rpartition(".")[0] or channel.rpartition(":")[0]


def short_of(channel: str) -> str:
    """A channel's name without its layer and its part."""
    return channel.rpartition(".")[2].rpartition(":")[2]


def is_alpha(channel: str) -> bool:
    """Whether a channel holds coverage, by its name, whatever its layer."""
    return channel.rpartition(".")[2].lower() in ALPHA


def is_data(channel: str) -> bool:
    """Whether a channel holds depths or vectors, by its name."""
    return short_of(channel).lower() in _DATA


def are_mattes(channels: Sequence[str]) -> bool:
    """Whether several channels of a ground truth are mattes, each of something else: one of each layer, such
    as ``hero.A,car.A``, or such as are called neither as colours nor as depths and vectors."""
    if len(channels) < 2 or any(map(is_data, channels)):
        return False
    layers = [layer_of(channel) for channel in channels]
    apart = all(layers) and len(set(layers)) == len(layers)
    return apart or not any(short_of(channel).lower() in _COLOURS for channel in channels)


def matte_channels(channels: Sequence[str]) -> tuple[str, ...]:
    """What these channels of a ground truth are called in a result: ``hero.A`` for the only one of a layer or
    part ``hero``, or for a channel ``hero`` of none; ``mask.hero`` as it is."""
    return tuple(_in_result(channel) for channel in channels)


def _in_result(channel: str) -> str:
    own = channel.rpartition(":")[2] if "." in channel.rpartition(":")[2] else channel.replace(":", ".")
    layer, _, short = own.rpartition(".")
    if not layer:
        return f"{short}.{MATTE}"
    return f"{layer}.{MATTE}" if short.lower() in _SINGLE else own


def matte_labels(channels: Sequence[str]) -> tuple[str, ...]:
    """The mattes' names in short, as an artist says them: ``hero`` for ``hero.A`` and for ``mask.hero``;
    in full where two would be called the same."""
    short = [_label(channel) for channel in channels]
    return tuple(name if short.count(name) == 1 else full for name, full in zip(short, channels, strict=True))


def _label(channel: str) -> str:
    short = short_of(channel)
    return layer_of(channel) or short if short.lower() in ALPHA else short
