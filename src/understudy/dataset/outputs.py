"""Whether what a network would make can be written beside the plate that it learns from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from understudy.dataset.layers import Layers
from understudy.dataset.sources import Source
from understudy.errors import ChannelError
from understudy.frames import Frame, channel_or_new, lost_in_own_format


def check_outputs(sources: Sequence[Source], layers: Layers) -> None:
    """ChannelError where the plate lacks channels of the truth and its files have no room for new ones.
    Mattes are no trouble: where the plate has no alpha, one becomes a file of its own, and several go into an
    EXR, as does what is taken apart."""
    new = [name for name in layers.outputs if name not in layers.inputs]
    if layers.kind == "matte" or layers.unmix != "off" or not new:
        return
    for source in {id(source.plate): source for source in sources}.values():
        frame = source.plate.read(source.plate_number)
        lost = lost_in_own_format(frame, [channel_or_new(frame, name) for name in new])
        if lost:
            raise _no_room(frame, lost, source.plate.spec)


def _no_room(frame: Frame, lost: Sequence[str], spec: str) -> ChannelError:
    return ChannelError(
        "The plate's files cannot hold what the network would make.",
        expected="a plate of EXR files, which hold channels of any name",
        found=f"{Path(frame.path).suffix} files, which have no room for {', '.join(lost)}",
        where=spec,
        remedy="Render the plate as EXR, or name other channels with --ground-truth-channels.",
    )
