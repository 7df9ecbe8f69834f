"""Which channels a user means by ``rgb``, ``alpha``, ``depth.Z``, or a layer's name."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from understudy.errors import ChannelError
from understudy.frames.frame import Frame, part_label

_COLOURS = {
    "r": ("r", "red"),
    "g": ("g", "green"),
    "b": ("b", "blue"),
    "a": ("a", "alpha"),
}
_GROUPS = {"rgb": "rgb", "rgba": "rgba", "alpha": "a"}

Namespaces = dict[str, dict[str, str]]


def resolve_channels(frame: Frame, request: str | None = None, default: str = "rgb") -> tuple[str, ...]:
    """The full channel names that ``request`` asks for, in its order.

    ``request`` is a comma-separated list of: a channel (``R``, ``depth.Z``, ``part:channel``), ``rgb``,
    ``rgba``, ``alpha``, a layer or part (all its channels), or ``layer.rgb``. Without a request ``default``
    is taken; a file without RGB then gives its luminance, or its only channel. Raises ChannelError, which
    lists what there is.
    """
    spaces = _namespaces(frame)
    if request is None:
        found = _resolve(frame, spaces, default) or _plain(frame, spaces)
        return tuple(found) if found else _refuse(frame, default)
    names: list[str] = []
    for term in (term.strip() for term in request.split(",")):
        found = _resolve(frame, spaces, term) if term else []
        names.extend(name for name in found or _refuse(frame, term) if name not in names)
    return tuple(names)


def resolve_like(frame: Frame, names: Sequence[str]) -> tuple[str, ...]:
    """The channels of ``frame`` that ``names``, of another file, stand for: those of the same names, and
    where ``names`` are the colours of a layer that the frame has not, its only colours. ChannelError."""
    try:
        return resolve_channels(frame, ",".join(names))
    except ChannelError:
        short = [name.rpartition(".")[2].lower() for name in names]
        group = next((g for g in ("rgb", "rgba") if short in _spelled(g)), "")
        found = {tuple(names) for space in _namespaces(frame).values() if (names := _look(space, group))}
        if not group or len(found) != 1:
            raise
        return next(iter(found))


def _spelled(group: str) -> tuple[list[str], list[str]]:
    """A group's channels by letters and by words."""
    return [_COLOURS[each][0] for each in group], [_COLOURS[each][1] for each in group]


def channel_or_new(frame: Frame, name: str) -> str:
    """What the frame calls the channel ``name``; where it has none such, the bare name of a new one."""
    try:
        found = resolve_channels(frame, name)
    except ChannelError:
        found = ()
    return found[0] if len(found) == 1 else name.rpartition(":")[2]


def _resolve(frame: Frame, spaces: Namespaces, term: str) -> list[str]:
    if term in frame.channels:
        return [term]
    layer, _, last = term.rpartition(".")
    if layer in spaces:
        found = _look(spaces[layer], last)
        if found:
            return found
    if term in spaces:
        return list(spaces[term].values())
    return _qualified(frame, term) or _only_layer(spaces, term) or _other_case(frame, term)


def _look(space: dict[str, str], name: str) -> list[str]:
    """One channel of a layer, or a group of its channels; empty when it is not whole."""
    if name in space:
        return [space[name]]
    folded = {short.lower(): full for short, full in reversed(space.items())}
    alike = next((names for names in _COLOURS.values() if name.lower() in names), ())
    if alike:
        return [folded[each] for each in alike if each in folded][:1]
    wanted = _GROUPS.get(name.lower(), "")
    found = [next((folded[each] for each in _COLOURS[colour] if each in folded), "") for colour in wanted]
    return found if all(found) else []


def _qualified(frame: Frame, term: str) -> list[str]:
    """``part:channel`` for a channel whose bare name is unique or in the selected part."""
    label, _, channel = term.rpartition(":")
    for index, part in enumerate(frame.parts):
        if label == part_label(part, index) and channel in part.channels:
            return [term]
    return []


def _only_layer(spaces: Namespaces, term: str) -> list[str]:
    """``rgb``, or one of the colours, in a file whose colours are all in one layer."""
    if term.lower() not in _GROUPS and term.lower() not in itertools.chain(*_COLOURS.values()):
        return []
    coloured = [space for space in spaces.values() if _look(space, "rgb")]
    found = {tuple(names) for names in (_look(space, term) for space in coloured or spaces.values()) if names}
    return list(next(iter(found))) if len(found) == 1 else []


def _other_case(frame: Frame, term: str) -> list[str]:
    same = [name for name in frame.channels if name.lower() == term.lower()]
    return same if len(same) == 1 else []


def _plain(frame: Frame, spaces: Namespaces) -> list[str]:
    """The luminance, or the only channel, of a file without RGB."""
    if "Y" in spaces[""]:
        return [spaces[""]["Y"]]
    return list(frame.part.channels) if len(frame.part.channels) == 1 else []


def _namespaces(frame: Frame) -> Namespaces:
    """Layer or part name -> short channel name -> full name; the selected part's bare channels under ""."""
    spaces: Namespaces = {"": {}}
    for full in frame.channels:
        part, channel = frame.locate(full)
        layer, dot, short = channel.rpartition(".")
        label = part_label(part, frame.parts.index(part))
        owners = {layer} if dot else {label, label.split(".")[0]} | ({""} if part is frame.part else set())
        for owner in owners:
            spaces.setdefault(owner, {}).setdefault(short, full)
    return spaces


def _refuse(frame: Frame, term: str) -> tuple[str, ...]:
    raise ChannelError(
        "The file does not have the wanted channels.",
        expected=term or "a channel's name",
        found=", ".join(frame.channels),
        where=str(frame.path),
        remedy="name channels that the file has, or rgb, rgba, alpha, or a layer",
    )
