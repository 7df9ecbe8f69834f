"""A trained network that is ready for pixels: file values in, file values out."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from functools import cached_property
from typing import Any

import numpy as np
import torch

from understudy.device import download, is_out_of_memory, release_memory, upload
from understudy.errors import ChannelError, DeviceError
from understudy.frames import Window, enlarged_planes, repeated
from understudy.inference.adapting import on_scene_linear
from understudy.inference.arrays import as_pixels, further_inputs
from understudy.inference.blend import blend
from understudy.inference.choose import EngineChoice, choose_precision, make_engine
from understudy.inference.engine import Engine, laid_out
from understudy.inference.enlarging import enlarging, passes_for
from understudy.inference.in_order import InOrder
from understudy.inference.inputs import input_encodings, network_channels
from understudy.inference.memory import (
    activation_budget,
    bytes_of_further,
    bytes_per_pixel,
    frames_at_a_time,
)
from understudy.inference.provenance import fingerprint
from understudy.inference.region import Part, filled_part, filled_parts, grown, plan_part, slices, within
from understudy.inference.tiles import fit_tile, margin_for, run_tiled, smallest_tile
from understudy.inference.torch_engine import TorchEngine
from understudy.inference.values import decode_frame, encode_frame
from understudy.models.call import NetworkCall
from understudy.models.description import ModelDescription
from understudy.network.parts import Crop, cropped

Say = Callable[[str], None]


def _silence(text: str) -> None:
    """Where notes go that nobody asked for."""


class LoadedModel:
    """A trained network, called with pixels.

    ``description`` says what it takes and gives: ``description.input_channels`` (and the channels of its
    extra inputs, in order, after them), ``description.output_channels``, the colour of each side, and
    ``description.scale``, how much larger the result is, which is made in so many ``passes``. ``notes`` are
    sentences about how it runs, such as why one engine was taken and not another. May be called from
    several threads.
    """

    def __init__(
        self,
        description: ModelDescription,
        engine: Engine,
        notes: tuple[str, ...] = (),
        say: Say = _silence,
        passes: int = 1,
    ) -> None:
        self.description = description
        self.passes = passes
        self._scale = round(description.scale ** (1 / passes))
        self.engine = engine
        self.notes = notes
        self._say = say
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(engine.parallel)
        self._visits = threading.BoundedSemaphore(engine.parallel + 1)
        self._most_pixels: int | None = None

    @property
    def header(self) -> ModelDescription:
        """``description``, by the name that it has in scripts."""
        return self.description

    def with_call(self, call: NetworkCall) -> LoadedModel:
        """The same model for one frame, with what goes into a network of others beside its picture; what it
        gives beside its result is left in ``call``. Any other model as it is."""
        if not isinstance(self.engine, TorchEngine) or not hasattr(self.engine.network, "with_call"):
            return self
        view = copy.copy(self)
        view.engine = self.engine.with_call(call)
        return view

    def in_order(self) -> InOrder:
        """The model for the frames of one shot in order, where the network carries state from each to the
        next: without this every frame is taken for a first one."""
        return InOrder(self)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """``infer`` with everything at its default."""
        return self.infer(pixels)

    def infer(
        self,
        pixels: np.ndarray,
        *,
        mix: float = 1.0,
        tile_size: int | str = "auto",
        tile_overlap: int | str = "auto",
        display: Window | None = None,
        beside: Iterable[np.ndarray] | None = None,
        region: Window | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> np.ndarray:
        """The result for one frame, a new array.

        ``pixels``: float32 (height, width, channels) in file values, as OpenImageIO reads them, of any
        height and width from 1; uint8 and uint16 become 0 to 1, as OpenImageIO makes of them. ``mix``: 0
        gives the plate, 1 the full effect; an output that is no channel of the input, such as a matte, mixes
        with 0. ``tile_size``: ``auto`` (whole where memory allows), ``none`` (whole), or pixels;
        ``tile_overlap``: pixels of context on each side of a tile, ``auto`` for all the network sees.
        ``display``: where the display window lies in ``pixels``, counted from the first of them; without it
        they are all of the frame and no overscan. It matters to an effect that differs from place to place.
        ``beside``: the extra inputs, one array for each in order, where ``pixels`` are the plate's channels
        alone; on a CPU each can be let go before the next is made. ``region``: where in ``pixels`` the effect
        shows, counted like ``display``. It is computed there alone, to the same pixels as in a whole frame;
        all else is as with a ``mix`` of 0. ``options``: values of a network of others' own options, by the
        names of ``description.options``: ``{"points": "640,360,1"}`` of one that is told what is meant.

        Returns float32 (height, width, output channels) in file values; of a network that enlarges by n,
        (height * n, width * n, output channels), where the plate that shows is bicubic. Where an input pixel
        is NaN or Inf, or beyond 1e30, the network sees the nearest other value; the result keeps the plate's
        value where that is so in a channel that it replaces, and not where it is in one that only goes in.

        Raises FrameError for what is no array of numbers, SizeError for another number of dimensions or no
        pixels, ChannelError for another number of channels or extra inputs, RequestError for options that it
        has not, DeviceError when not even the smallest tile fits the memory.
        """
        if options is not None:
            call = NetworkCall(options=self.description.read_options(options, clamp=False))
            return self.with_call(call).infer(
                pixels,
                mix=mix,
                tile_size=tile_size,
                tile_overlap=tile_overlap,
                display=display,
                beside=beside,
                region=region,
            )
        plate, beside = self._apart(pixels, beside)
        frame = Window(0, 0, plate.shape[1], plate.shape[0])
        kept = frame if region is None else frame.intersect(region)
        display = display or frame
        if self.passes == 1:
            return self._infer_once(plate, beside, kept, mix, tile_size, tile_overlap, display)
        return self._infer_again(plate, kept, mix, tile_size, tile_overlap, display)

    def _infer_again(
        self,
        plate: np.ndarray,
        kept: Window,
        mix: float,
        tile_size: int | str,
        overlap: int | str,
        display: Window,
    ) -> np.ndarray:
        """The result of several passes, each of which sees what the one before it has made. Each makes as
        much about what is kept as those after it look at."""
        made, frame = plate, Window(0, 0, plate.shape[1], plate.shape[0])
        for left in reversed(range(self.passes)):
            needed = frame.intersect(kept)
            if left and not kept.is_empty:
                about = margin_for("auto", self.engine.reach, self.engine.stride) + self.engine.stride
                needed = grown(kept, about, frame)
            made = self._infer_once(made, (), needed, 1.0, tile_size, overlap, display)
            frame, kept, display = (each.scaled(self._scale) for each in (frame, kept, display))
        return blend(enlarged_planes(self.plate_of(plate), self.description.scale), made, mix)

    def _infer_once(
        self,
        plate: np.ndarray,
        beside: Iterable[np.ndarray],
        kept: Window,
        mix: float,
        tile_size: int | str,
        tile_overlap: int | str,
        display: Window,
    ) -> np.ndarray:
        """One pass through the network."""
        frame, scale = Window(0, 0, plate.shape[1], plate.shape[0]), self._scale
        under = enlarged_planes(self.plate_of(plate), scale)
        if kept.is_empty:
            return np.array(under)
        grid = int(getattr(self.engine.network, "grid", self.engine.stride))
        part = plan_part(frame, kept, self.engine.reach, grid, self._knows_whole)
        filled, bad = filled_part(plate, part.encoded)
        bad = repeated(self._keeps_plate(bad[part.encoded.slices_of(kept)]), scale)
        result = self._through_network(filled, beside, part, tile_size, tile_overlap, display)
        place = slices(kept.scaled(scale))
        result = self._over(under[place], result, bad, mix)
        if kept == frame:
            return np.array(result) if np.may_share_memory(result, plate) else result
        whole = np.array(under)
        whole[place] = result
        return whole

    def plate_of(self, pixels: np.ndarray) -> np.ndarray:
        """What lies under each output channel: the input's channel of the same name, else 0. float32 (H, W,
        C)."""
        names = list(self.description.input_channels)
        picked = [names.index(name) if name in names else -1 for name in self.description.output_channels]
        if picked == list(range(pixels.shape[2])):
            return pixels
        under = np.zeros((*pixels.shape[:2], len(picked)), np.float32)
        for place, channel in enumerate(picked):
            if channel >= 0:
                under[..., place] = pixels[..., channel]
        return under

    def tile_for(
        self, height: int, width: int, tile_size: int | str = "auto", tile_overlap: int | str = "auto"
    ) -> tuple[int, int] | None:
        """The largest tile (height, width) that a frame of this size is worked on in; None for the whole
        frame, which is all that some networks work on."""
        if getattr(self.engine.network, "sees_whole", False):
            return None
        if tile_size == "none":
            return self._within_most(height, width, tile_overlap) if self._most_pixels else None
        if tile_size != "auto":
            return (int(tile_size), int(tile_size))
        if self._most_pixels is None:
            self._most_pixels = self._pixels_that_fit(height * width)
        return self._within_most(height, width, tile_overlap)

    def _within_most(self, height: int, width: int, tile_overlap: int | str) -> tuple[int, int] | None:
        assert self._most_pixels is not None
        if height * width <= self._most_pixels:
            return None
        stride = self.engine.stride
        margin = margin_for(tile_overlap, self.engine.reach, stride)
        return fit_tile(height, width, self._most_pixels, margin, stride)

    def _pixels_that_fit(self, frame: int) -> int:
        """How many pixels at a time the memory has room for, beside a frame of so many."""
        with self._lock:
            channels = network_channels(self.description, self.engine.network)
            budget = activation_budget(self.engine.device, self.engine.parallel)
            larger = len(self.description.output_channels) * (self._scale**2 - 1)
            budget -= min(budget // 2, bytes_of_further(channels + larger, self.engine.device) * frame)
            return max(int(budget / bytes_per_pixel(self.engine, channels)), 1)

    def _through_network(
        self,
        filled: np.ndarray,
        beside: Iterable[np.ndarray],
        part: Part,
        tile_size: int | str,
        overlap: int | str,
        display: Window,
    ) -> np.ndarray:
        """What the network makes of ``part.kept``; ``filled`` is the plate where it is encoded. Where more
        threads than were planned for call it, they wait for their turn: they would take memory and cores from
        each other. On a CPU the turn is for the network alone, and colours are converted meanwhile. On an
        accelerator it is for all that lies on the device: as its memory is planned for one frame, another
        one's planes may lie there, but it is worked on when the first is done."""
        on_cpu = self.engine.device.type == "cpu"
        plate = torch.from_numpy(filled)
        further: Iterable[torch.Tensor] = map(torch.from_numpy, filled_parts(beside, part.encoded))
        further = further if on_cpu else list(further)  # read before the frame's turn
        with torch.inference_mode(), nullcontext() if on_cpu else self._visits:
            with nullcontext() if on_cpu else self._turns:
                shown = within(part.encoded, display)
                fetch = self._ask(plate, further, part, tile_size, overlap, shown)
            return fetch().numpy()

    def _ask(
        self,
        plate: torch.Tensor,
        beside: Iterable[torch.Tensor],
        part: Part,
        tile_size: int | str,
        overlap: int | str,
        display: Window,
    ) -> Callable[[], torch.Tensor]:
        """Have the device do all that ``part`` needs; what comes back waits for the result (H, W, C_out).
        ``plate`` and each of ``beside`` cover what is to be encoded."""
        there = upload(plate, self.engine.device)
        x = encode_frame(self.description, self.engine.network, there, beside, display)
        with self._turns if self.engine.device.type == "cpu" else nullcontext():
            g = self.engine.globals(x)
            if g.ndim == 4:
                g = part.of_encoded(g, x.shape[-1] // g.shape[-1], self.engine.stride)
            x = part.of_encoded(x, 1, self.engine.stride)
            kept = part.seen.slices_of(part.kept)
            if part.kept == part.seen:
                y = cropped(self._run(x, g, tile_size, overlap), kept)
            else:
                y = self._run(x, g, tile_size, overlap, kept)
        rows, columns = part.encoded.slices_of(part.kept)
        y = laid_out(y, self._scale)
        return download(decode_frame(self.description, y, cropped(x, kept), there[rows, columns]))

    @cached_property
    def _knows_whole(self) -> bool:
        """Whether the network is told of something in the whole frame, however little of it is computed."""
        if getattr(self.engine.network, "sees_whole", False):
            return True
        channels = network_channels(self.description, self.engine.network)
        side = 2 * self.engine.stride
        return (
            self.engine.globals(torch.zeros(1, channels, side, side, device=self.engine.device)).numel() > 0
        )

    def _run(
        self,
        x: torch.Tensor,
        g: torch.Tensor,
        tile_size: int | str,
        overlap: int | str,
        kept: Crop | None = None,
    ) -> torch.Tensor:
        """Through the network, for what is ``kept`` of x where that is less than all; where memory runs out,
        in tiles of half the size, from then on."""
        height, width = x.shape[-2:]
        tile = self.tile_for(height, width, tile_size, overlap)
        while True:
            try:
                return run_tiled(self.engine, x, g, tile, overlap, kept)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                tile = self._halve(tile or (height, width), overlap)

    def _halve(self, tile: tuple[int, int], overlap: int | str) -> tuple[int, int]:
        """The next smaller tile, which later frames will keep to. DeviceError below the smallest."""
        stride = self.engine.stride
        least = smallest_tile(margin_for(overlap, self.engine.reach, stride), stride)
        if max(tile) <= least:
            whole = getattr(self.engine.network, "sees_whole", False)
            what = (
                f"a whole frame of {tile[1]} x {tile[0]}" if whole else f"a tile of {least} x {least} pixels"
            )
            overlap = "" if whole else "give a smaller --tile-overlap, "
            raise DeviceError(
                "There is not enough memory for the network.",
                expected=f"memory for {what} on {self.engine.device}",
                remedy=f"Close other programs, {overlap}or choose --devices cpu.",
            )
        release_memory(self.engine.device)
        smaller = tuple(max(-(-side // 2), min(side, least)) for side in tile)
        self._most_pixels = smaller[0] * smaller[1]
        self._say(f"Memory ran out: going on in tiles of {smaller[1]} x {smaller[0]}.")
        return smaller[0], smaller[1]

    def _keeps_plate(self, bad: np.ndarray) -> np.ndarray:
        """The pixels (height, width, 1) of which a channel that the result replaces is ``bad`` in the
        plate."""
        return np.asarray(bad[..., self._written].any(2))[..., None]

    def _over(self, under: np.ndarray, result: np.ndarray, bad: np.ndarray, mix: float) -> np.ndarray:
        """The ``result`` over what lies ``under`` it: as much as ``mix`` says, and nothing of it in the
        pixels that are ``bad``."""
        result = blend(under, result, mix)
        if not bad.any():
            return result
        own = self.description.input_channels
        shared = np.array([name in own for name in self.description.output_channels])
        return np.where(bad & shared, under, result)

    @cached_property
    def _written(self) -> list[int]:
        """Which of the plate's channels the result replaces. What only goes in, such as a depth that is 1e30
        behind everything, decides nothing about the pixels that come out."""
        names = list(self.description.input_channels)
        return [names.index(name) for name in self.description.output_channels if name in names]

    def _apart(
        self, values: np.ndarray, beside: Iterable[np.ndarray] | None
    ) -> tuple[np.ndarray, Iterable[np.ndarray]]:
        """The plate's own channels, and those of each extra input. SizeError, ChannelError, FrameError."""
        pixels = as_pixels(values)
        counts = [count for count, _ in input_encodings(self.description)]
        wanted = sum(counts) if beside is None else counts[0]
        if pixels.shape[2] != wanted:
            own = self.description.input_channels
            raise ChannelError(
                "The network takes other channels.",
                expected=f"{wanted} channels: {', '.join(own)} and any extra inputs",
                found=f"{pixels.shape[2]} channels",
                remedy="Give the channels that the description names, in its order.",
            )
        parts = np.split(pixels, np.cumsum(counts)[:-1], axis=2)
        if beside is None:
            return np.ascontiguousarray(parts[0]), parts[1:]
        return pixels, further_inputs(beside, self.description.extra, pixels)


def load(
    spec: str,
    *,
    devices: str = "auto",
    precision: str = "float32",
    engine: str = "auto",
    megapixels: float = 0.0,
    parallel: int = 1,
    frame: tuple[int, int] | None = None,
    scale: int | str = "auto",
    scene_linear: bool = False,
    say: Say = _silence,
) -> LoadedModel:
    """Load a .cat file, a run (its best checkpoint, else its newest), an imported network, or one that comes
    trained, by its name, for use.

    ``devices``: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``; the first that it names is used.
    ``precision``: ``float32``, ``bfloat16``, or ``auto``, which is bfloat16 where the header says that the
    difference cannot be seen and the device is fast at it. ``engine``: ``torch``, ``openvino``, or
    ``auto``, which is OpenVINO on a CPU when it is installed and ``megapixels``, the work that is known to
    be ahead, pays for the conversion. ``parallel``: how many threads will call it at a time; fewer of
    them compute at a time (``engine.parallel``) where frames of ``frame`` = (height, width) pixels are so
    large that they get on faster one after the other. ``scale``: how many times larger the result is;
    ``auto`` is as the network makes it, more is several times through it. ``scene_linear``: that is what
    comes, which tells something to a network that takes display-referred values too. ``say``: called with a
    sentence when something changes.

    Raises ModelFileError, DeviceError, MissingPackageError, SettingError.
    """
    from understudy.device import keep_float32_exact, keep_freed_memory, resolve_devices
    from understudy.models.finding import find_model
    from understudy.models.opening import open_model

    device = resolve_devices(devices)[0]
    keep_freed_memory()
    keep_float32_exact()
    found = find_model(spec)
    path = found.path
    description, network = open_model(path, device)
    description = on_scene_linear(description) if scene_linear else description
    passes = passes_for(description, scale)
    chosen = choose_precision(precision, description, device)
    channels = network_channels(description, network)
    if frame is not None:
        parallel = frames_at_a_time(TorchEngine(network, device, chosen), channels, frame, parallel)
    choice = EngineChoice(engine, chosen, device, megapixels, parallel, fingerprint(path))
    ready, notes = make_engine(network, channels, choice)
    return LoadedModel(enlarging(description, scale), ready, (*found.notes, *notes), say, passes)
