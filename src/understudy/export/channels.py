"""Channel names that Nuke's CatFileCreator accepts: these nineteen and no others."""

from __future__ import annotations

from collections.abc import Sequence

from understudy.errors import ChannelError

LEGAL = (
    "rgba.red",
    "rgba.green",
    "rgba.blue",
    "rgba.alpha",
    "depth.Z",
    "forward.u",
    "forward.v",
    "backward.u",
    "backward.v",
    "deep.front",
    "deep.back",
    "disparityL.x",
    "disparityL.y",
    "disparityR.x",
    "disparityR.y",
    "mask.a",
    "rotopaint_mask.a",
    "mask_planartrack.a",
    "mask_splinewarp.a",
)
COLOURS = {"r": "rgba.red", "g": "rgba.green", "b": "rgba.blue", "a": "rgba.alpha", "z": "depth.Z"}
LONG = {"red": "r", "green": "g", "blue": "b", "alpha": "a"}
SPARE = (*LEGAL[5:15], *LEGAL[15:], "depth.Z", *LEGAL[:4])
"""What carries a channel that Nuke has no name for, in this order."""


def nuke_channels(names: Sequence[str]) -> tuple[str, ...]:
    """A legal name for each channel: its own where it has one, else a spare one. ChannelError beyond 19."""
    if len(names) > len(LEGAL):
        raise ChannelError(
            "The network has more channels than Nuke's Inference takes.",
            expected=f"at most {len(LEGAL)} channels",
            found=f"{len(names)}",
            remedy="Train with fewer extra channels or --neighbours, or use understudy serve with Nuke's "
            "MLClient.",
        )
    taken: dict[int, str] = {}
    for index, name in enumerate(names):
        own = _own(name)
        if own and own not in taken.values():
            taken[index] = own
    spare = iter([name for name in SPARE if name not in taken.values()])
    return tuple(taken[index] if index in taken else next(spare) for index in range(len(names)))


def nuke_outputs(kind: str, names: Sequence[str]) -> tuple[str, ...]:
    """A legal name for each channel of a result. Mattes, whatever they are called, come in the order
    rgba.red, green, blue, alpha, then in spare ones; one alone is the alpha. ChannelError beyond 19."""
    if kind != "matte":
        return nuke_channels(names)
    if len(names) == 1:
        return (COLOURS["a"],)
    return nuke_channels([*LEGAL[:4], *(f"matte{index}" for index in range(4, len(names)))][: len(names)])


def _own(name: str) -> str | None:
    for legal in LEGAL:
        if legal.lower() == name.lower():
            return legal
    last = name.rpartition(".")[2].lower()
    return COLOURS.get(LONG.get(last, last))
