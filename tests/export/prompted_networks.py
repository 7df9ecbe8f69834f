"""Stand-ins with the inputs and outputs of Segment Anything's two files, and of lists of instances, whose
results can be worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO as oiio
from foreign_networks import onnx_of

SIDE, SMALL = 64, 16
"""Of what the stand-in of SAM sees, and of what its encoder makes of it."""


def sam_encoder(path: Path, output: str = "image_embeddings", picture: tuple = (1, 3, SIDE, SIDE)) -> Path:
    """images -> image_embeddings: means of 4 x 4 pixels."""
    nodes = [("AveragePool", ["images"], [output], {"kernel_shape": [4, 4], "strides": [4, 4]})]
    return onnx_of(path, nodes, {"images": ("float", picture)}, {output: ("float", (1, 3, SMALL, SMALL))})


def sam_decoder(path: Path, with_mask: bool = True, embeddings: str = "image_embeddings") -> Path:
    """SAM's decoder: low_res_masks are the embeddings' mean, and for each point label * (x + 2 y) / 1000,
    and half of mask_input where has_mask_input is 1; masks are the same at orig_im_size."""
    constants = {
        "weights": np.array([0.001, 0.002], np.float32),
        "half": np.array([0.5], np.float32),
        "ones": np.array([1, 1], np.int64),
        "last": np.array([-1], np.int64),
        "all": np.array([0, 1], np.int64),
        "none": np.zeros(0, np.float32),
        "sure": np.array([[0.9]], np.float32),
    }
    nodes = [
        ("ReduceMean", [embeddings], ["seen"], {"axes": [1], "keepdims": 1}),
        ("Mul", ["point_coords", "weights"], ["weighed"], {}),
        ("ReduceSum", ["weighed", "last"], ["places"], {"keepdims": 0}),
        ("Mul", ["places", "point_labels"], ["told_each"], {}),
        ("ReduceSum", ["told_each", "all"], ["told"], {"keepdims": 0}),
        ("Add", ["seen", "told"], ["first"], {}),
    ]
    if with_mask:
        nodes += [
            ("Mul", ["has_mask_input", "half"], ["share"], {}),
            ("Mul", ["mask_input", "share"], ["before"], {}),
            ("Add", ["first", "before"], ["low_res_masks"], {}),
        ]
    else:
        nodes += [("Identity", ["first"], ["low_res_masks"], {})]
    nodes += [
        ("Cast", ["orig_im_size"], ["whole"], {"to": 7}),
        ("Concat", ["ones", "whole"], ["sizes"], {"axis": 0}),
        ("Resize", ["low_res_masks", "none", "none", "sizes"], ["masks"], {"mode": "nearest"}),
        ("Identity", ["sure"], ["iou_predictions"], {}),
    ]
    given = {
        embeddings: ("float", (1, 3, SMALL, SMALL)),
        "point_coords": ("float", (1, "points", 2)),
        "point_labels": ("float", (1, "points")),
        "mask_input": ("float", (1, 1, SMALL, SMALL)),
        "has_mask_input": ("float", (1,)),
        "orig_im_size": ("float", (2,)),
    }
    if not with_mask:
        del given["mask_input"], given["has_mask_input"]
    made = {
        "masks": ("float", (1, 1, "height", "width")),
        "iou_predictions": ("float", (1, 1)),
        "low_res_masks": ("float", (1, 1, SMALL, SMALL)),
    }
    return onnx_of(path, nodes, given, made, constants)


def low_res(plate: np.ndarray, told: float, before: np.ndarray | None = None) -> np.ndarray:
    """What the stand-in makes of a plate (H, W, 3) of the network's width at the most, as (16, 16); ``told``:
    the sum of label * (x + 2 y) over its points."""
    placed = np.zeros((SIDE, SIDE, 3), np.float32)
    placed[: plate.shape[0], : plate.shape[1]] = plate
    means = placed.reshape(SMALL, 4, SMALL, 4, 3).mean((1, 3, 4))
    return means + told / 1000 + (0 if before is None else 0.5 * before)


def enlarged(low: np.ndarray, height: int, width: int) -> np.ndarray:
    """The masks (H, W) of low ones, as the stand-in enlarges them."""
    rows = np.arange(height) * SMALL // height
    columns = np.arange(width) * SMALL // width
    return low[rows][:, columns]


def write_frames(folder: Path, frames: list[np.ndarray], first: int = 1) -> str:
    """Frames (H, W, 3) as EXR files; their pattern."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, pixels in enumerate(frames, first):
        output = oiio.ImageOutput.create("plate.exr")
        spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], 3, "float")
        assert output.open(str(folder / f"plate.{number:04d}.exr"), spec), oiio.geterror()
        assert output.write_image(np.ascontiguousarray(pixels, np.float32)) and output.close()
    return str(folder / "plate.####.exr")


BOXES = np.array([[4, 8, 20, 24], [30, 10, 46, 26], [0, 0, 8, 8]], np.float32)


def instance_masks(side: int = 28) -> np.ndarray:
    """Soft masks (3, 1, side, side) of the stand-in's three boxes."""
    across, down = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side))
    return np.stack([across, 1 - 0.5 * down, np.ones_like(across)])[:, None].astype(np.float32)


def mask_rcnn(path: Path, masks: np.ndarray | None = None, batch: bool = False) -> Path:
    """A list of three things, as torchvision's Mask R-CNN gives it. The first pixel's red moves all boxes to
    the right by 64 times as many pixels, its green takes 0.2 off the first score, its blue 0.5 off the
    second."""
    masks = instance_masks() if masks is None else masks
    axes = np.array([1, 2] if not batch else [2, 3], np.int64)
    constants = {
        "from": np.array([0, 0], np.int64),
        "to": np.array([1, 1], np.int64),
        "axes": axes,
        "base": BOXES,
        "shift": np.array([[64, 0, 0], [0, 0, 0], [64, 0, 0], [0, 0, 0]], np.float32).T,
        "flat": np.array([1, 3], np.int64),
        "list": np.array([3], np.int64),
        "scored": np.array([0.9, 0.8, 0.3], np.float32),
        "change": np.array([[0, 0, 0], [-0.2, 0, 0], [0, -0.5, 0]], np.float32),
        "fixed_labels": np.array([1, 1, 2], np.int64),
        "fixed_masks": masks,
    }
    nodes = [
        ("Slice", ["image", "from", "to", "axes"], ["pixel"], {}),
        ("Reshape", ["pixel", "flat"], ["row"], {}),
        ("MatMul", ["row", "shift"], ["moved"], {}),
        ("Add", ["base", "moved"], ["boxes"], {}),
        ("MatMul", ["row", "change"], ["changed"], {}),
        ("Reshape", ["changed", "list"], ["changes"], {}),
        ("Add", ["scored", "changes"], ["scores"], {}),
        ("Identity", ["fixed_labels"], ["labels"], {}),
        ("Identity", ["fixed_masks"], ["masks"], {}),
    ]
    shape: tuple[object, ...] = (3, "height", "width")
    return onnx_of(
        path,
        nodes,
        {"image": ("float", (1, *shape) if batch else shape)},
        {
            "boxes": ("float", ("n", 4)),
            "labels": ("int64", ("n",)),
            "scores": ("float", ("n",)),
            "masks": ("float", ("n", 1, *masks.shape[2:])),
        },
        constants,
    )


def laid_into_box(mask: np.ndarray, box: np.ndarray, height: int, width: int) -> np.ndarray:
    """A mask in its box, pixel by pixel: bilinear between the middles of its pixels, 0 around it."""
    rows, columns = mask.shape
    made = np.zeros((height, width))
    for y in range(max(0, int(np.floor(box[1]))), min(height, int(np.ceil(box[3])))):
        for x in range(max(0, int(np.floor(box[0]))), min(width, int(np.ceil(box[2])))):
            u = (x + 0.5 - box[0]) / (box[2] - box[0]) * columns - 0.5
            v = (y + 0.5 - box[1]) / (box[3] - box[1]) * rows - 0.5
            left, top = int(np.floor(u)), int(np.floor(v))
            for row, column in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
                if 0 <= row < rows and 0 <= column < columns:
                    made[y, x] += mask[row, column] * (1 - abs(u - column)) * (1 - abs(v - row))
    return made


def bring_in_sam(folder: Path) -> Path:
    """The stand-in of SAM's two files, imported into a folder; what it makes are plain values."""
    from understudy.export.importing import import_network

    made = folder / "raw"
    made.mkdir(exist_ok=True)
    sam_encoder(made / "eyes.onnx")
    (made / "told.toml").write_text(
        'encoder = "eyes.onnx"\ncolour = "raw"\nmean = 0.0\nactivation = "none"\n'
    )
    return import_network(sam_decoder(made / "sam.onnx"), folder, settings=made / "told.toml").model


def real_sizes(folder: Path) -> Path:
    """A decoder beside encoder.onnx, with the names, shapes and types of Segment Anything's own exports."""
    pool = {"kernel_shape": [16, 16], "strides": [16, 16]}
    onnx_of(
        folder / "encoder.onnx",
        [
            ("AveragePool", ["images"], ["means"], pool),
            ("Conv", ["means", "spread"], ["image_embeddings"], {}),
        ],
        {"images": ("float", (1, 3, 1024, 1024))},
        {"image_embeddings": ("float", (1, 256, 64, 64))},
        {"spread": np.full((256, 3, 1, 1), 1 / 3, np.float32)},
    )
    constants = {
        "weights": np.array([0.0001, 0.0002], np.float32),
        "ones": np.array([1, 1], np.int64),
        "last": np.array([-1], np.int64),
        "all": np.array([0, 1], np.int64),
        "none": np.zeros(0, np.float32),
        "low": np.array([1, 1, 256, 256], np.int64),
        "large": np.array([1, 1, 1024, 1024], np.int64),
        "longest": np.array([1024], np.float32),
        "half": np.array([0.5], np.float32),
        "from": np.array([0, 0], np.int64),
        "axes": np.array([2, 3], np.int64),
        "sure": np.array([[0.9]], np.float32),
    }
    linear = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    nodes = [
        ("ReduceMean", ["image_embeddings"], ["seen"], {"axes": [1], "keepdims": 1}),
        ("Mul", ["point_coords", "weights"], ["weighed"], {}),
        ("ReduceSum", ["weighed", "last"], ["places"], {"keepdims": 0}),
        ("Mul", ["places", "point_labels"], ["told_each"], {}),
        ("ReduceSum", ["told_each", "all"], ["told"], {"keepdims": 0}),
        ("Add", ["seen", "told"], ["small"], {}),
        ("Resize", ["small", "none", "none", "low"], ["grown"], {"mode": "nearest"}),
        ("Mul", ["mask_input", "has_mask_input"], ["before"], {}),
        ("Add", ["grown", "before"], ["low_res_masks"], {}),
        ("Resize", ["low_res_masks", "none", "none", "large"], ["whole"], linear),
        ("ReduceMax", ["orig_im_size"], ["longer"], {"axes": [0], "keepdims": 1}),
        ("Div", ["longest", "longer"], ["scale"], {}),
        ("Mul", ["orig_im_size", "scale"], ["scaled"], {}),
        ("Add", ["scaled", "half"], ["above"], {}),
        ("Floor", ["above"], ["floored"], {}),
        ("Cast", ["floored"], ["inner"], {"to": 7}),
        ("Slice", ["whole", "from", "inner", "axes"], ["cut"], {}),
        ("Cast", ["orig_im_size"], ["size"], {"to": 7}),
        ("Concat", ["ones", "size"], ["sizes"], {"axis": 0}),
        ("Resize", ["cut", "none", "none", "sizes"], ["masks"], linear),
        ("Identity", ["sure"], ["iou_predictions"], {}),
    ]
    return onnx_of(
        folder / "sam.onnx",
        nodes,
        {
            "image_embeddings": ("float", (1, 256, 64, 64)),
            "point_coords": ("float", (1, "num_points", 2)),
            "point_labels": ("float", (1, "num_points")),
            "mask_input": ("float", (1, 1, 256, 256)),
            "has_mask_input": ("float", (1,)),
            "orig_im_size": ("float", (2,)),
        },
        {
            "masks": ("float", (1, 1, "height", "width")),
            "iou_predictions": ("float", (1, 1)),
            "low_res_masks": ("float", (1, 1, 256, 256)),
        },
        constants,
    )


def click_network(path: Path) -> Path:
    """One file of picture and prompts: 32 x 32, four points with whole numbers for labels, a box of its own,
    three masks of 16 x 16 of which the second is the best: the number of the row, and label * x / 1000 of
    each point and the box's sum / 1000 on top. The picture counts nothing."""
    rows = np.arange(16, dtype=np.float32)[:, None] * np.ones((1, 16), np.float32)
    constants = {
        "masks_before": np.stack([rows * 0 - 5, rows, rows * 0 - 7])[None, None],
        "of_x": np.array([0.001, 0], np.float32),
        "share": np.array([0.001], np.float32),
        "last": np.array([-1], np.int64),
        "all3": np.array([0, 1, 2], np.int64),
        "all2": np.array([0, 1], np.int64),
        "nothing": np.array([0], np.float32),
        "good": np.array([[[0.1, 0.9, 0.2]]], np.float32),
    }
    nodes = [
        ("Mul", ["points", "of_x"], ["weighed"], {}),
        ("ReduceSum", ["weighed", "last"], ["places"], {"keepdims": 0}),
        ("Cast", ["labels"], ["signs"], {"to": 1}),
        ("Mul", ["places", "signs"], ["each"], {}),
        ("ReduceSum", ["each", "all3"], ["told"], {"keepdims": 0}),
        ("ReduceSum", ["box", "all2"], ["corners"], {"keepdims": 0}),
        ("Mul", ["corners", "share"], ["boxed"], {}),
        ("Add", ["masks_before", "told"], ["first"], {}),
        ("ReduceMean", ["image"], ["seen"], {"axes": [0, 1, 2, 3], "keepdims": 0}),
        ("Mul", ["seen", "nothing"], ["unseen"], {}),
        ("Add", ["first", "unseen"], ["second"], {}),
        ("Add", ["second", "boxed"], ["masks"], {}),
        ("Identity", ["good"], ["scores"], {}),
    ]
    return onnx_of(
        path,
        nodes,
        {
            "image": ("float", (1, 3, 32, 32)),
            "points": ("float", (1, 1, 4, 2)),
            "labels": ("int64", (1, 1, 4)),
            "box": ("float", (1, 4)),
        },
        {"masks": ("float", (1, 1, 3, 16, 16)), "scores": ("float", (1, 1, 3))},
        constants,
    )


def numbered_mask_rcnn(path: Path) -> Path:
    """As the model zoo's: (3, H, W) of multiples of 32, outputs 6568, 6570, 6572 and 6887. What the first
    pixel's first channel says moves the boxes to the right."""
    constants = {
        "from": np.array([0, 0, 0], np.int64),
        "to": np.array([1, 1, 1], np.int64),
        "axes": np.array([0, 1, 2], np.int64),
        "deep": np.array([1, 3, -1, 32], np.int64),
        "one": np.array([1, 1], np.int64),
        "base": BOXES,
        "right": np.array([[1, 0, 1, 0]], np.float32),
        "scored": np.array([0.9, 0.8, 0.3], np.float32),
        "fixed_labels": np.array([1, 1, 2], np.int64),
        "fixed_masks": instance_masks(),
    }
    nodes = [
        ("Reshape", ["image", "deep"], ["rows"], {}),  # fails where the width is no multiple of 32
        ("Slice", ["image", "from", "to", "axes"], ["pixel"], {}),
        ("Reshape", ["pixel", "one"], ["value"], {}),
        ("MatMul", ["value", "right"], ["moved"], {}),
        ("Add", ["base", "moved"], ["6568"], {}),
        ("ReduceMin", ["rows"], ["least"], {"keepdims": 0}),
        ("Sub", ["least", "least"], ["nothing"], {}),
        ("Add", ["scored", "nothing"], ["6572"], {}),
        ("Identity", ["fixed_labels"], ["6570"], {}),
        ("Identity", ["fixed_masks"], ["6887"], {}),
    ]
    made = {
        "6568": ("float", ("n", 4)),
        "6570": ("int64", ("n",)),
        "6572": ("float", ("n",)),
        "6887": ("float", ("n", 1, 28, 28)),
    }
    return onnx_of(path, nodes, {"image": ("float", (3, "height", "width"))}, made, constants)
