"""A layers model of TensorFlow.js as an ONNX file, as far as plain convolutional upscalers need it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

Weights = dict[str, np.ndarray]


def read_layers(folder: Path) -> tuple[list[dict[str, Any]], Weights]:
    """The layers, in order, and the weights by name, of a ``model.json`` and the files that it names."""
    said = json.loads((folder / "model.json").read_text())
    weights: Weights = {}
    for group in said["weightsManifest"]:
        data = b"".join((folder / name).read_bytes() for name in group["paths"])
        start = 0
        for each in group["weights"]:
            count = int(np.prod(each["shape"]))
            weights[each["name"]] = np.frombuffer(data, "<f4", count, start).reshape(each["shape"])
            start += 4 * count
    return said["modelTopology"]["model_config"]["config"]["layers"], weights


def inputs_of(layer: dict[str, Any]) -> list[str]:
    return [each[0] for each in layer["inbound_nodes"][0]] if layer["inbound_nodes"] else []


def to_onnx(folder: Path, path: Path) -> Path:
    """The model of a folder as an ONNX file [1, 3, height, width] of any size."""
    from onnx import TensorProto, helper, numpy_helper, save

    layers, weights = read_layers(folder)
    nodes, constants = [], {}
    for layer in layers[1:]:
        name, kind, config = layer["name"], layer["class_name"], layer["config"]
        given, more = inputs_of(layer), {}
        if kind == "Conv2D":
            constants[f"{name}_w"] = np.ascontiguousarray(weights[f"{name}/kernel"].transpose(3, 2, 0, 1))
            constants[f"{name}_b"] = weights[f"{name}/bias"]
            given += [f"{name}_w", f"{name}_b"]
            more = {"auto_pad": "SAME_UPPER" if config["padding"] == "same" else "VALID"}
        elif kind == "UpSampling2D":
            constants[f"{name}_s"] = np.float32([1, 1, *config["size"]])
            given += ["", f"{name}_s"]
            more = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric"}
            more["nearest_mode"] = "floor"
        more |= {"axis": 1} if kind == "Concatenate" else {}
        operators = {"Conv2D": "Conv", "Activation": "Relu", "Concatenate": "Concat", "Add": "Add"}
        nodes.append(helper.make_node({**operators, "UpSampling2D": "Resize"}[kind], given, [name], **more))
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, f"{side}_h", f"{side}_w"])
        for name, side in ((layers[0]["name"], "in"), (layers[-1]["name"], "out"))
    ]
    held = [numpy_helper.from_array(each, name) for name, each in constants.items()]
    graph = helper.make_graph(nodes, "network", ends[:1], ends[1:], held)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7), str(path))
    return path


def run_layers(folder: Path, pixels: np.ndarray) -> np.ndarray:
    """What the layers make of float32 (H, W, 3), one after the other in torch."""
    import torch
    from torch.nn.functional import conv2d, interpolate

    layers, weights = read_layers(folder)
    made = {layers[0]["name"]: torch.from_numpy(pixels.transpose(2, 0, 1)[None].copy())}
    for layer in layers[1:]:
        given = [made[name] for name in inputs_of(layer)]
        name, kind = layer["name"], layer["class_name"]
        if kind == "Conv2D":
            kernel = torch.from_numpy(weights[f"{name}/kernel"].transpose(3, 2, 0, 1).copy())
            bias = torch.from_numpy(weights[f"{name}/bias"].copy())
            made[name] = conv2d(given[0], kernel, bias, padding=layer["config"]["padding"])
        elif kind == "UpSampling2D":
            made[name] = interpolate(given[0], scale_factor=2, mode="nearest")
        else:
            made[name] = {
                "Activation": lambda each: torch.relu(each[0]),
                "Concatenate": lambda each: torch.cat(each, 1),
                "Add": sum,
            }[kind](given)
    return made[layers[-1]["name"]][0].numpy().transpose(1, 2, 0)
