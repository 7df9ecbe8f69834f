"""Networks of other programs that see more than one frame, for the tests: small files with the names, shapes
and types of inputs and outputs that such networks have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from foreign_networks import onnx_of, script
from torch import Tensor, nn

RATIO = 0.5
EVERYTHING = ("batch_size", "channels", "height", "width")
STATES = {"r1": 3, "r2": 3, "r3": 3, "r4": 3}


def onnx_matting(path: Path) -> Path:
    """What Robust Video Matting takes and gives: ``src``, ``r1i`` to ``r4i`` of any size and
    ``downsample_ratio``; ``fgr``, ``pha``, ``r1o`` to ``r4o``. Each state is half of what comes in at its
    size and half of what it was; the matte is where the frame is brighter than its state."""
    picture = ("batch_size", 3, "height", "width")
    nodes: list[tuple] = [
        ("Concat", ["ones", "downsample_ratio", "downsample_ratio"], ["scales"], {"axis": 0}),
        ("Resize", ["src", "", "scales"], ["x0"], {"mode": "linear"}),
    ]
    for number in range(1, 5):
        nodes += [
            ("AveragePool", [f"x{number - 1}"], [f"p{number}"], {"kernel_shape": [2, 2], "strides": [2, 2]}),
            ("Mul", [f"p{number}", "half"], [f"a{number}"], {}),
            ("Mul", [f"r{number}i", "half"], [f"b{number}"], {}),
            ("Add", [f"a{number}", f"b{number}"], [f"r{number}o"], {}),
            ("Identity", [f"r{number}o"], [f"x{number}"], {}),
        ]
    nodes += [
        ("Shape", ["src"], ["size"], {}),
        ("Resize", ["r1o", "", "", "size"], ["u1"], {"mode": "linear"}),
        ("Resize", ["r3o", "", "", "size"], ["u3"], {"mode": "linear"}),
        ("Add", ["u1", "u3"], ["both"], {}),
        ("Mul", ["both", "half"], ["fgr"], {}),
        ("Sub", ["src", "u1"], ["apart"], {}),
        ("ReduceMean", ["apart"], ["grey"], {"axes": [1], "keepdims": 1}),
        ("Mul", ["grey", "eight"], ["steep"], {}),
        ("Sigmoid", ["steep"], ["pha"], {}),
    ]
    given = {"src": ("float", picture), **{f"{each}i": ("float", EVERYTHING) for each in STATES}}
    made = {"fgr": ("float", picture), "pha": ("float", ("batch_size", 1, "height", "width"))}
    return onnx_of(
        path,
        nodes,
        {**given, "downsample_ratio": ("float", (1,))},
        {**made, **{f"{each}o": ("float", EVERYTHING) for each in STATES}},
        {
            "ones": np.ones(2, np.float32),
            "half": np.float32(0.5).reshape(()),
            "eight": np.float32(8).reshape(()),
        },
    )


def matting_loop(path: Path, frames: list[np.ndarray], ratio: float = RATIO) -> list[tuple[np.ndarray, ...]]:
    """(fgr, pha) of frames (H, W, 3) one after the other, as the maker's own few lines do it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # lengths of one name are of several sizes, as in the maker's own file
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    state = [np.zeros((1, 1, 1, 1), np.float32)] * 4
    results = []
    for frame in frames:
        src = np.ascontiguousarray(frame.transpose(2, 0, 1)[None], np.float32)
        feed = {"src": src, "downsample_ratio": np.asarray([ratio], np.float32)}
        feed |= {f"r{number}i": each for number, each in enumerate(state, 1)}
        fgr, pha, *state = session.run([], feed)
        results.append((fgr[0].transpose(1, 2, 0), pha[0].transpose(1, 2, 0)))
    return results


class ScriptMatting(nn.Module):
    """The same signature as TorchScript: states that may be left out, all results in one list."""

    def forward(
        self,
        src: Tensor,
        r1: Tensor | None = None,
        r2: Tensor | None = None,
        r3: Tensor | None = None,
        r4: Tensor | None = None,
        downsample_ratio: float = 1.0,
        segmentation_pass: bool = False,
    ) -> list[Tensor]:
        small = nn.functional.interpolate(
            src, scale_factor=downsample_ratio, mode="bilinear", recompute_scale_factor=False
        )
        made: list[Tensor] = []
        for before in [r1, r2, r3, r4]:
            small = nn.functional.avg_pool2d(small, 2)
            if before is not None:
                small = small * 0.5 + before * 0.5
            made.append(small)
        wide = nn.functional.interpolate(made[0], src.shape[2:], mode="bilinear")
        return [wide, torch.sigmoid((src - wide).mean(1, keepdim=True) * 8.0)] + made  # noqa: RUF005


class Gru(nn.Module):
    """A state of eight channels at a quarter of the frame, which has to be there from the first frame on."""

    def forward(self, image: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        small = nn.functional.avg_pool2d(image, 4).mean(1, keepdim=True)
        new = torch.cat([hidden[:, 1:], small], 1)
        return nn.functional.interpolate(new.mean(1, keepdim=True), scale_factor=4.0), new


def onnx_quarter(path: Path) -> Path:
    """Eight channels of state at a quarter of the frame, of open height and width: ``h_in``, ``h_out``."""
    nodes = [
        ("AveragePool", ["image"], ["small"], {"kernel_shape": [4, 4], "strides": [4, 4]}),
        ("ReduceMean", ["small"], ["grey"], {"axes": [1], "keepdims": 1}),
        ("Slice", ["h_in", "one", "eight", "axis"], ["kept"], {}),
        ("Concat", ["kept", "grey"], ["h_out"], {"axis": 1}),
        ("ReduceMean", ["h_out"], ["mean"], {"axes": [1], "keepdims": 1}),
        ("Resize", ["mean", "", "times"], ["mask"], {"mode": "nearest"}),
    ]
    return onnx_of(
        path,
        nodes,
        {"image": ("float", (1, 3, "h", "w")), "h_in": ("float", (1, 8, "sh", "sw"))},
        {"mask": ("float", (1, 1, "h", "w")), "h_out": ("float", (1, 8, "sh", "sw"))},
        {
            "one": np.asarray([1]),
            "eight": np.asarray([8]),
            "axis": np.asarray([1]),
            "times": np.asarray([1, 1, 4, 4], np.float32),
        },
    )


def onnx_around(path: Path, stack: str) -> Path:
    """Three frames, of which a fifth, three fifths and a fifth are added: as inputs of their own (``apart``),
    or stacked in one: in its ``channels``, its ``batch``, or along a dimension for ``time``."""
    if stack == "apart":
        one = (1, 3, "h", "w")
        nodes: list[tuple] = [
            ("Add", ["previous", "next"], ["both"], {}),
            ("Mul", ["both", "fifth"], ["around"], {}),
            ("Mul", ["current", "three"], ["own"], {}),
            ("Add", ["around", "own"], ["out"], {}),
        ]
        given = {name: ("float", one) for name in ("previous", "current", "next")}
        constants = {"fifth": np.float32(0.2).reshape(()), "three": np.float32(0.6).reshape(())}
        return onnx_of(path, nodes, given, {"out": ("float", one)}, constants)
    weights = np.asarray([0.2, 0.6, 0.2], np.float32)
    shapes = {"channels": (1, 9, "h", "w"), "batch": (3, 3, "h", "w"), "time": (1, 3, 3, "h", "w")}
    if stack == "channels":
        kernel = np.zeros((3, 9, 1, 1), np.float32)
        for frame in range(3):
            kernel[range(3), range(3 * frame, 3 * frame + 3)] = weights[frame]
        nodes = [("Conv", ["clip", "kernel"], ["out"], {})]
        constants = {"kernel": kernel}
    else:
        axis = 0 if stack == "batch" else 1
        shape = [1] * len(shapes[stack])
        shape[axis] = 3
        nodes = [
            ("Mul", ["clip", "weights"], ["each"], {}),
            ("ReduceSum", ["each", "axis"], ["out"], {"keepdims": int(stack == "batch")}),
        ]
        constants = {"weights": weights.reshape(shape), "axis": np.asarray([axis])}
    return onnx_of(
        path, nodes, {"clip": ("float", shapes[stack])}, {"out": ("float", (1, 3, "h", "w"))}, constants
    )


def script_matting(path: Path) -> Path:
    """``ScriptMatting`` as a file."""
    return script(ScriptMatting(), path)
