"""A case in another size: the same shot, enlarged as a scan of more pixels would show it."""

from __future__ import annotations

import json
from pathlib import Path

import OpenImageIO as oiio

from understudy.errors import WriteError
from understudy.frames import Frame, Shot


def enlarge_case(
    folder: Path, plate: Shot, truth: Shot, target: Path, *, width: int | None, factor: float | None
) -> Path:
    """Write the case of ``folder`` into ``target``, ``width`` pixels wide or ``factor`` times as large, by
    bicubic interpolation. What case.json says of frames and kind holds on; baselines are measured anew."""
    known = folder / "case.json"
    facts = json.loads(known.read_text(encoding="utf-8")) if known.is_file() else {}
    for name, shot in (("input", plate), ("groundtruth", truth)):
        _enlarge_shot(shot, target / name, width=width, factor=factor)
    facts.pop("baselines", None)
    (target / "case.json").write_text(json.dumps(facts), encoding="utf-8")
    return target


def _enlarge_shot(shot: Shot, folder: Path, *, width: int | None, factor: float | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    integer = shot.read(shot.numbers[0]).is_integer
    for number in shot.numbers:
        frame = shot.read(number)
        _write(_resized(frame, width, factor), folder / f"frame.{number:04d}.{'png' if integer else 'exr'}")


def _resized(frame: Frame, width: int | None, factor: float | None) -> oiio.ImageBuf:
    channels = frame.part.channels
    planes = frame.planes(list(channels))
    height, across = planes.shape[:2]
    times = width / across if width else float(factor or 1.0)
    spec = oiio.ImageSpec(across, height, len(channels), "float")
    spec.channelnames = list(channels)
    given = oiio.ImageBuf(spec)
    given.set_pixels(oiio.ROI(), planes)
    size = oiio.ROI(0, round(across * times), 0, round(height * times))
    made = oiio.ImageBufAlgo.resize(given, filtername="cubic", roi=size)
    return oiio.ImageBufAlgo.clamp(made, 0.0, 1.0) if frame.is_integer else made


def _write(pixels: oiio.ImageBuf, path: Path) -> None:
    kind = "uint8" if path.suffix == ".png" else "half"
    if not pixels.write(str(path), kind):
        raise WriteError("An enlarged frame could not be written.", where=str(path), found=pixels.geterror())
