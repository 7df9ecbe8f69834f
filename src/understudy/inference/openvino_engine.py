"""The OpenVINO engine: the same network on a CPU, about twice as fast as torch.

It is held against torch on a sample when it is made; where the two do not agree, it is not used.
"""

from __future__ import annotations

import importlib.util
import threading
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from understudy.device import autocast, core_count
from understudy.errors import MissingPackageError, UnderstudyError
from understudy.inference.bands import finish_in_bands
from understudy.inference.torch_engine import TorchEngine

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
        self._compiled = _compile(self.network, channels, precision, parallel)
        self._requests = threading.local()
        _hold_against_torch(self, channels)

    def globals(self, x: Tensor) -> Tensor:
        """Whole frame (1, C, H, W) -> (1, G) or (1, G, H / n, W / n); torch's own, so that both engines start
        from the same values."""
        with torch.inference_mode(), autocast(self.device, self.precision):
            return self.network.globals(x)

    def run(self, x: Tensor, g: Tensor) -> Tensor:
        """Network values (1, C, H, W), H and W multiples of the stride -> float32 (1, C_out, H, W)."""
        request = getattr(self._requests, "own", None)
        if request is None:
            request = self._requests.own = self._compiled.create_infer_request()
        inputs = {0: x.contiguous().numpy(), 1: g.contiguous().numpy()}
        answer = request.infer(inputs, share_inputs=True, share_outputs=True)[0]
        with torch.inference_mode():
            return finish_in_bands(self.network, x, torch.from_numpy(np.asarray(answer)))


class _Remainder(torch.nn.Module):
    """The heavy part alone. What is added to the plate is never rounded, whatever the precision."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, g: Tensor) -> Tensor:
        remainder = self.network.remainder(x, g)
        return remainder if g.ndim == 4 else remainder + 0 * g.sum()


def _compile(network: Any, channels: int, precision: str, parallel: int) -> Any:
    import openvino

    side = max(64 // network.stride, 2) * network.stride
    example = torch.rand(1, channels, side, side)
    try:
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            g = network.globals(example)
            planes = [-1, -1] if g.ndim == 4 else []
            shapes = [
                openvino.PartialShape([1, channels, -1, -1]),
                openvino.PartialShape([1, g.shape[1], *planes]),
            ]
            model = openvino.convert_model(_Remainder(network), example_input=(example, g), input=shapes)
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


def _hold_against_torch(engine: OpenVinoEngine, channels: int) -> None:
    """Two sizes, so that a height or width frozen by the conversion shows."""
    generator = torch.Generator().manual_seed(0)
    for rows, columns in ((3, 5), (6, 4)):
        x = torch.rand(1, channels, rows * engine.stride, columns * engine.stride, generator=generator)
        g = engine.globals(x)
        with torch.inference_mode():
            exact = engine.network(x, g)
            difference = float((engine.run(x, g) - exact).abs().max())
        most = AGREEMENT[engine.precision]
        if difference > most and engine.precision != "float32":
            quick = TorchEngine(engine.network, engine.device, engine.precision).run(x, g)
            most = max(most, AS_GOOD * float((quick - exact).abs().max()))
        if not difference <= most:
            raise ConversionError(
                "OpenVINO does not agree with torch on this network.",
                expected=f"a difference of at most {most:.2g}",
                found=f"{difference:.2g}",
            )
