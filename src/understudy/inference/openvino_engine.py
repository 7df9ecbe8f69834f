"""The OpenVINO engine: the same network on a CPU, about twice as fast as torch.

It is held against torch on a sample when it is made; where the two do not agree, it is not used.
"""

from __future__ import annotations

import importlib.util
import threading
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from understudy.device import autocast, core_count
from understudy.errors import MissingPackageError, UnderstudyError
from understudy.inference.bands import finish_in_bands
from understudy.inference.engine import scale_of
from understudy.inference.torch_engine import TorchEngine
from understudy.network.parts import Crop, cropped

if TYPE_CHECKING:
    from torch import Tensor

AGREEMENT = {"float32": 1e-4, "bfloat16": 0.5 / 255.0}
"""The largest difference to torch in float32 that is taken, in network values."""

AS_GOOD = 1.5
"""How much further from float32 than torch's own bfloat16 it may be on noise, which shows more than footage
does; for footage the model's header has the figure."""


class ConversionError(UnderstudyError):
    """This network does not go through OpenVINO, or not to the same values."""


def is_installed() -> bool:
    """Whether the openvino package is there, without importing it."""
    return importlib.util.find_spec("openvino") is not None


class OpenVinoEngine:
    """A network converted from torch, of any height and width. ``precision``: ``float32`` or ``bfloat16``.

    ``channels``: of the input. ``parallel``: streams that work side by side, each for a thread of its own.
    MissingPackageError without openvino, ConversionError when the network does not convert or not agree.
    """

    name = "openvino"

    def __init__(self, network: Any, channels: int, precision: str = "float32", parallel: int = 1) -> None:
        if not is_installed():
            raise MissingPackageError(
                "OpenVINO is not installed.",
                expected="the package openvino",
                remedy="pip install 'understudy[openvino]', or choose --engine torch",
            )
        self.device = torch.device("cpu")
        self.precision = precision
        self.stride = int(network.stride)
        self.reach = int(network.reach)
        self.parallel = parallel
        self.network = network.eval().to(self.device)
        self.channels = channels
        self._lock = threading.RLock()
        self._for_parts: _Compiled | None = None
        self._tried_parts = False
        self._for_all = self._convert(parts=False)
        _hold_against_torch(self)

    def globals(self, x: Tensor) -> Tensor:
        """Whole frame (1, C, H, W) -> (1, G) or (1, G, H / n, W / n); torch's own, so that both engines start
        from the same values."""
        with torch.inference_mode(), autocast(self.device, self.precision):
            return self.network.globals(x)

    def run(self, x: Tensor, g: Tensor, kept: Crop | None = None) -> Tensor:
        """Network values (1, C, H, W), H and W multiples of the stride -> float32 (1, C_out, H, W), or what
        is ``kept`` of it."""
        for_parts = None if kept is None else self._converted_for_parts()
        if kept is None or for_parts is None:
            remainder = cropped(self._for_all(x, g), kept)
        else:
            remainder = for_parts(x, g, _as_tensor(self.network.crops(kept, tuple(x.shape[-2:]))))
        with torch.inference_mode():
            return finish_in_bands(self.network, x, remainder, kept)

    def _converted_for_parts(self) -> _Compiled | None:
        """The network that computes a part alone, converted when the first is asked for: it makes copies that
        a whole frame is spared. None where there is none: all is computed then, which gives the same."""
        with self._lock:
            if not self._tried_parts and hasattr(self.network, "crops"):
                self._tried_parts = True
                try:
                    self._for_parts = self._convert(parts=True)
                    _hold_against_torch(self, parts=True)
                except ConversionError:
                    self._for_parts = None
            return self._for_parts

    def _convert(self, parts: bool) -> _Compiled:
        side = max(64 // self.stride, 2)
        x = _example(self, side, side)
        inputs: tuple[Tensor, ...] = (x, self.globals(x))
        if parts:
            inputs = (*inputs, _as_tensor(self.network.crops(_middle(x), tuple(x.shape[-2:]))))
        return _Compiled(_Remainder(self.network), inputs, self.precision, self.parallel)


class _Remainder(torch.nn.Module):
    """The heavy part alone. What is added to the plate is never rounded, whatever the precision. ``crops``
    (n, 4): the rows and columns of each crop, where they begin and end, for a part of the frame: as numbers
    that go in, so that one conversion does for every part."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, g: Tensor, crops: Tensor | None = None) -> Tensor:
        if crops is None:
            remainder = self.network.remainder(x, g)
        else:
            taken = [(slice(each[0], each[1]), slice(each[2], each[3])) for each in crops]
            remainder = self.network.remainder(x, g, taken)
        return remainder if g.ndim == 4 else remainder + 0 * g.sum()


def _as_tensor(crops: Sequence[Crop]) -> Tensor:
    return torch.tensor([(rows.start, rows.stop, columns.start, columns.stop) for rows, columns in crops])


class _Compiled:
    """A module as OpenVINO runs it, of any height and width; each thread has a request of its own."""

    def __init__(
        self, module: torch.nn.Module, example: tuple[Tensor, ...], precision: str, parallel: int
    ) -> None:
        self._model = _compile(module, example, precision, parallel)
        self._requests = threading.local()

    def __call__(self, *inputs: Tensor) -> Tensor:
        request = getattr(self._requests, "own", None)
        if request is None:
            request = self._requests.own = self._model.create_infer_request()
        given = {place: each.contiguous().numpy() for place, each in enumerate(inputs)}
        answer = request.infer(given, share_inputs=True, share_outputs=True)[0]
        return torch.from_numpy(np.asarray(answer))


def _compile(module: torch.nn.Module, example: tuple[Tensor, ...], precision: str, parallel: int) -> Any:
    import openvino

    shapes = [openvino.PartialShape([*each.shape[:2], *[-1] * (each.ndim - 2)]) for each in example]
    try:
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = openvino.convert_model(module, example_input=example, input=shapes)
        options = {
            "INFERENCE_PRECISION_HINT": "f32" if precision == "float32" else "bf16",
            "NUM_STREAMS": str(parallel),
            "INFERENCE_NUM_THREADS": str(core_count()),
        }
        return openvino.Core().compile_model(model, "CPU", options)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ConversionError(
            "The network does not go through OpenVINO.", found=str(error).strip().splitlines()[0][:200]
        ) from error


def _example(engine: OpenVinoEngine, rows: int, columns: int) -> Tensor:
    """A picture of so many strides."""
    generator = torch.Generator().manual_seed(rows)
    return torch.rand(1, engine.channels, rows * engine.stride, columns * engine.stride, generator=generator)


def _middle(x: Tensor) -> Crop:
    """Some of the rows and columns of a picture, which begin and end on no stride."""
    height, width = x.shape[-2:]
    return slice(height // 3 + 1, height // 2 + 2), slice(width // 4 + 1, width // 2 + 3)


def _hold_against_torch(engine: OpenVinoEngine, parts: bool = False) -> None:
    """Two sizes, so that a height or width, or the place of a part, frozen by the conversion shows."""
    for rows, columns in ((3, 5), (6, 4)):
        x = _example(engine, rows, columns)
        g, kept = engine.globals(x), _middle(x) if parts else None
        with torch.inference_mode():
            whole, scale = engine.network(x, g), scale_of(engine.network)
            exact = cropped(whole if scale == 1 else torch.pixel_unshuffle(whole, scale), kept)
            difference = float((engine.run(x, g, kept) - exact).abs().max())
        most = AGREEMENT[engine.precision]
        if difference > most and engine.precision != "float32":
            quick = TorchEngine(engine.network, engine.device, engine.precision).run(x, g, kept)
            most = max(most, AS_GOOD * float((quick - exact).abs().max()))
        if not difference <= most:
            raise ConversionError(
                "OpenVINO does not agree with torch on this network.",
                expected=f"a difference of at most {most:.2g}",
                found=f"{difference:.2g}",
            )
