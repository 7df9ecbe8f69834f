"""Small images of every kind, made through the library itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

from understudy.frames import Frame, read_image_file

Layout = dict[str, str]  # channel name -> stored type


def build_spec(
    size: tuple[int, int],
    channels: Layout,
    *,
    origin: tuple[int, int] = (0, 0),
    display: tuple[int, int, int, int] | None = None,
    tile: int = 0,
    attributes: dict[str, Any] | None = None,
) -> oiio.ImageSpec:
    """A header; ``display`` is x, y, width, height and by default the data window."""
    kinds = list(channels.values())
    mixed = len(set(kinds)) > 1
    spec = oiio.ImageSpec(size[0], size[1], len(channels), oiio.TypeDesc("float" if mixed else kinds[0]))
    spec.channelnames = tuple(channels)
    if mixed:
        spec.channelformats = tuple(oiio.TypeDesc(kind) for kind in kinds)
    spec.x, spec.y = origin
    x, y, width, height = display or (*origin, *size)
    spec.full_x, spec.full_y, spec.full_width, spec.full_height = x, y, width, height
    spec.tile_width = spec.tile_height = tile
    spec.tile_depth = 1 if tile else 0
    for name, value in (attributes or {}).items():
        spec.attribute(name, *value) if isinstance(value, list) else spec.attribute(name, value)
    return spec


def noise_like(spec: oiio.ImageSpec, seed: int = 0) -> np.ndarray:
    """Random pixels in the stored type; above 1 and below 0 where it can."""
    rng = np.random.default_rng(seed)
    shape = (spec.height, spec.width, spec.nchannels)
    kind = str(spec.format)
    if kind.startswith("uint"):
        dtype = {"uint8": np.uint8, "uint16": np.uint16, "uint": np.uint32}[kind]
        return rng.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)
    values = rng.uniform(-0.5, 4.0, shape).astype(np.float16)
    return values if kind == "half" else values.astype(np.float32)


def save(path: Path, specs: Sequence[oiio.ImageSpec], arrays: Sequence[np.ndarray]) -> Path:
    output = oiio.ImageOutput.create(str(path))
    assert output, oiio.geterror()
    opened = output.open(str(path), tuple(specs) if len(specs) > 1 else specs[0])
    for index, (spec, array) in enumerate(zip(specs, arrays, strict=True)):
        if index:
            opened = output.open(str(path), spec, "AppendSubimage")
        assert opened and output.write_image(np.ascontiguousarray(array)), output.geterror()
    assert output.close(), output.geterror()
    return path


@pytest.fixture
def make_image(tmp_path: Path) -> Callable[..., Path]:
    """``make_image(name, channels={"R": "half"}, size=(12, 9), seed=0, **build_spec's)`` writes noise."""

    def make(
        name: str, channels: Layout, size: tuple[int, int] = (12, 9), seed: int = 0, **more: Any
    ) -> Path:
        spec = build_spec(size, channels, **more)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return save(path, [spec], [noise_like(spec, seed)])

    return make


@pytest.fixture
def make_parts(tmp_path: Path) -> Callable[..., Path]:
    """``make_parts(name, [(part name, channels, build_spec's keywords), ...])`` writes a multi-part EXR."""

    def make(name: str, parts: Sequence[tuple[str, Layout, dict[str, Any]]]) -> Path:
        specs = []
        for part_name, channels, more in parts:
            size = more.pop("size", (12, 9))
            specs.append(build_spec(size, channels, **more))
            specs[-1].attribute("name", part_name)
        return save(tmp_path / name, specs, [noise_like(spec, at) for at, spec in enumerate(specs)])

    return make


@pytest.fixture
def rgb() -> Layout:
    return dict.fromkeys("RGB", "half")


@pytest.fixture
def noise() -> Callable[..., np.ndarray]:
    """``noise(height, width, channels, low=0, high=1, seed=0)`` in float32."""

    def make(
        height: int, width: int, channels: int, low: float = 0, high: float = 1, seed: int = 0
    ) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return rng.uniform(low, high, (height, width, channels)).astype(np.float32)

    return make


@pytest.fixture
def same_bits() -> Callable[[Frame, Frame], None]:
    """Asserts that two frames have the same parts, channels, windows, types, and every bit of every pixel."""

    def check(one: Frame, other: Frame) -> None:
        assert [part.name for part in one.parts] == [part.name for part in other.parts]
        for left, right in zip(one.parts, other.parts, strict=True):
            assert left.channels == right.channels
            assert left.kinds == right.kinds
            assert left.data_window == right.data_window
            assert left.display_window == right.display_window
            for name in left.channels:
                assert left.pixels[name].dtype == right.pixels[name].dtype
                assert left.pixels[name].tobytes() == right.pixels[name].tobytes(), name

    return check


@pytest.fixture
def reread() -> Callable[[Path], Frame]:
    return read_image_file
