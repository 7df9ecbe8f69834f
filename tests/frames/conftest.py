"""Small images of every kind, made through the library itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
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


@dataclass(frozen=True)
class Film:
    """How a test's movie is made, with PyAV alone. ``tags`` are primaries, transfer and matrix; ``rotation``
    is counter-clockwise; ``fields`` FFmpeg's number of the field order; ``sound`` a codec."""

    encoder: str = "libx264"
    pixel_format: str = "yuv420p"
    count: int = 12
    size: tuple[int, int] = (192, 112)
    options: dict[str, str] = field(default_factory=dict)
    tags: tuple[int, int, int] = (1, 1, 1)
    full_range: bool = False
    time_base: Fraction = Fraction(1, 24)
    times: tuple[int, ...] = ()
    rotation: float | None = None
    mirrored: bool = False
    aspect: Fraction | None = None
    fields: int = 0
    sound: str = ""
    group: int = 12
    metadata: dict[str, str] = field(default_factory=dict)

    def picture(self, number: int) -> np.ndarray:
        """uint16 (height, width, 3): noise that moves by two pixels a frame, and a ramp of every level."""
        width, height = self.size
        rng = np.random.default_rng(1)
        noise = rng.integers(8192, 40960, (height // 8 + 1, width // 4 + self.count, 1)).astype(np.float32)
        noise = noise * np.float32([1.0, 0.9, 1.1])
        wide = noise.repeat(8, 0).repeat(8, 1)[:height, 2 * number : 2 * number + width]
        wide[: height // 4] = np.linspace(0, 65535, width, dtype=np.float32)[None, :, None]
        return np.ascontiguousarray(wide.astype(np.uint16))

    def write(self, path: Path) -> Path:
        import av

        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            stream = self._stream(container)
            heard = container.add_stream(self.sound, rate=48000) if self.sound else None
            for number, time in enumerate(self.times or range(self.count)):
                container.mux(stream.encode(self._frame(number, time)))
            container.mux(stream.encode(None))
            if heard is not None:
                self._write_sound(container, heard)
        return path

    def _stream(self, container: Any) -> Any:
        stream = container.add_stream(self.encoder, rate=24, options=dict(self.options))
        stream.width, stream.height = self.size
        stream.pix_fmt = self.pixel_format
        context = stream.codec_context
        context.time_base, context.gop_size = self.time_base, self.group
        context.color_primaries, context.color_trc, context.colorspace = self.tags
        context.color_range = 2 if self.full_range else 1
        if self.aspect is not None:
            context.sample_aspect_ratio = self.aspect
        if self.fields:
            context.field_order = self.fields
            context.flags |= 0x40000 | 0x20000000  # interlaced transform and motion
        if self.encoder == "libx265":
            context.codec_tag = "hvc1"
        if self.rotation is not None:
            stream.set_display_rotation(self.rotation, hflip=self.mirrored)
        stream.metadata.update(self.metadata)
        return stream

    def _frame(self, number: int, time: int) -> Any:
        import av

        raw = av.VideoFrame.from_ndarray(self.picture(number), format="rgb48le")
        frame = raw.reformat(
            format=self.pixel_format,
            src_colorspace=self.tags[2],
            dst_colorspace=self.tags[2],
            src_color_range=2,
            dst_color_range=2 if self.full_range else 1,
        )
        frame.color_primaries, frame.color_trc, frame.colorspace = self.tags
        frame.color_range = 2 if self.full_range else 1
        if self.fields > 1:
            frame = _marked_interlaced(frame, self.fields in (2, 4), self.time_base)
        frame.pts, frame.time_base = time, self.time_base
        return frame

    def _write_sound(self, container: Any, stream: Any) -> None:
        import av

        ticks = self.times[-1] + 1 if self.times else self.count
        samples = int(ticks * self.time_base * 48000)
        wave = (np.sin(np.arange(samples) / 20) * 9000).astype(np.int16)
        for start in range(0, samples, 1024):
            chunk = np.ascontiguousarray(wave[None, start : start + 1024].repeat(2, 1).reshape(1, -1))
            sound = av.AudioFrame.from_ndarray(chunk, format="s16", layout="stereo")
            sound.sample_rate, sound.pts = 48000, start
            container.mux(stream.encode(sound))
        container.mux(stream.encode(None))


def _marked_interlaced(frame: Any, top_first: bool, time_base: Fraction) -> Any:
    import av

    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format.name, time_base=time_base
    )
    marked, sink = graph.add("setfield", "tff" if top_first else "bff"), graph.add("buffersink")
    source.link_to(marked)
    marked.link_to(sink)
    graph.configure()
    frame.pts, frame.time_base = 0, time_base
    graph.push(frame)
    return graph.pull()


@pytest.fixture
def film() -> type[Film]:
    pytest.importorskip("av")
    return Film
