"""Segment Anything itself: its maker's program with random weights, exported by its maker's own classes,
beside its maker's own predictor. No weights of others are fetched."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from prompted_networks import write_frames
from real_networks import folder

import understudy
from understudy.export.importing import import_network
from understudy.frames import read_image_file

pytest.importorskip("onnxruntime")
Image = pytest.importorskip("PIL.Image")
pytestmark = pytest.mark.slow
SIDE, CELLS, WIDTH = 256, 16, 32
SIZE = 144, 256


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """segment-anything, of which torchvision's two functions on pictures are Pillow's own."""
    place = folder() / "segment-anything-1.0"
    if not place.is_dir():
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(place)]
        try:
            subprocess.run([*pip, "segment-anything==1.0"], check=True, capture_output=True)
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"segment-anything cannot be had here: {error}")
    names = ("torchvision", "torchvision.transforms", "torchvision.transforms.functional")
    pictures, boxes = ModuleType(names[2]), ModuleType("torchvision.ops.boxes")
    pictures.to_pil_image = Image.fromarray  # type: ignore[attr-defined]
    pictures.resize = lambda picture, size: picture.resize(size[::-1], Image.BILINEAR)  # type: ignore[attr-defined]
    boxes.batched_nms = boxes.box_area = None  # type: ignore[attr-defined]
    stand_ins = {name: ModuleType(name) for name in (*names[:2], "torchvision.ops")}
    for name, module in {**stand_ins, names[2]: pictures, "torchvision.ops.boxes": boxes}.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.syspath_prepend(str(place))
    yield
    for name in [each for each in sys.modules if each.partition(".")[0] == "segment_anything"]:
        del sys.modules[name]


def small_sam() -> Any:
    """The network with few and random weights, at a quarter of its sizes."""
    from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

    torch.manual_seed(0)
    norm = partial(torch.nn.LayerNorm, eps=1e-6)
    eyes = ImageEncoderViT(
        img_size=SIDE,
        patch_size=SIDE // CELLS,
        embed_dim=WIDTH,
        depth=2,
        num_heads=2,
        out_chans=WIDTH,
        window_size=7,
        global_attn_indexes=(1,),
        use_rel_pos=True,
        norm_layer=norm,
    )
    told = PromptEncoder(WIDTH, (CELLS, CELLS), (SIDE, SIDE), 4)
    transformer = TwoWayTransformer(2, WIDTH, 2, 64)
    decoder = MaskDecoder(
        num_multimask_outputs=3,
        transformer=transformer,
        transformer_dim=WIDTH,
        iou_head_depth=2,
        iou_head_hidden_dim=WIDTH,
    )
    return Sam(image_encoder=eyes, prompt_encoder=told, mask_decoder=decoder).eval()


@pytest.fixture
def sam(package: None, tmp_path: Path) -> Any:
    """The network, its decoder as a torch module, and what import made of the two exported files."""
    from segment_anything.utils.onnx import SamOnnxModel

    network = small_sam()
    decoder = SamOnnxModel(network, return_single_mask=True).eval()
    given = {
        "image_embeddings": torch.randn(1, WIDTH, CELLS, CELLS),
        "point_coords": torch.rand(1, 5, 2) * SIDE,
        "point_labels": torch.randint(0, 4, (1, 5)).float(),
        "mask_input": torch.randn(1, 1, 4 * CELLS, 4 * CELLS),
        "has_mask_input": torch.ones(1),
        "orig_im_size": torch.tensor(SIZE).float(),
    }
    several = {1: "num_points"}
    save = partial(torch.onnx.export, opset_version=17, dynamo=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save(
            decoder,
            tuple(given.values()),
            str(tmp_path / "sam.onnx"),
            input_names=list(given),
            output_names=["masks", "iou_predictions", "low_res_masks"],
            dynamic_axes={"point_coords": several, "point_labels": several},
        )
        picture = torch.rand(1, 3, SIDE, SIDE)
        names = {"input_names": ["images"], "output_names": ["image_embeddings"]}
        save(network.image_encoder, (picture,), str(tmp_path / "eyes.onnx"), **names)
    (tmp_path / "sam.toml").write_text('encoder = "eyes.onnx"\n')
    model = import_network(tmp_path / "sam.onnx", tmp_path / "models").model
    return SimpleNamespace(network=network, decoder=decoder, model=model)


def picture(seed: int = 0) -> np.ndarray:
    """uint8 (H, W, 3)"""
    small = (np.random.default_rng(seed).random((9, 16, 3)) * 255).astype(np.uint8)
    return np.asarray(Image.fromarray(small).resize(SIZE[::-1], Image.BICUBIC))


def sigmoid(logits: Any) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(logits)))


PROMPTS: dict[str, tuple[dict[str, str], Any, bool]] = {
    "a point": ({"points": "40,30,1"}, ([[40, 30]], [1], None), True),
    "a box": ({"box": "20,10,100,70"}, (None, None, [20, 10, 100, 70]), True),
    "both": ({"points": "40,30,1", "box": "20,10,100,70"}, ([[40, 30]], [1], [20, 10, 100, 70]), False),
    "several": ({"points": "40,30,1;90,50,0;3,3,0"}, ([[40, 30], [90, 50], [3, 3]], [1, 0, 0], None), False),
}


def test_what_is_meant_is_what_its_maker_s_predictor_finds(sam: Any) -> None:
    from segment_anything.predictor import SamPredictor

    predictor, pixels = SamPredictor(sam.network), picture()
    predictor.set_image(pixels)
    model = understudy.load(sam.model, devices="cpu")
    for name, (options, (points, labels, box), one_of_several) in PROMPTS.items():
        masks, scores, _ = predictor.predict(
            *(None if each is None else np.array(each) for each in (points, labels, box)),
            multimask_output=one_of_several,
            return_logits=True,
        )
        wanted = sigmoid(masks[int(np.argmax(scores))])
        assert np.ptp(wanted) > 0.01, "there is something to see"
        np.testing.assert_allclose(
            model.infer(pixels, options=options)[..., 0], wanted, atol=2e-6, err_msg=name
        )


def test_the_mask_of_a_frame_goes_into_the_next_as_its_decoder_takes_it(sam: Any, tmp_path: Path) -> None:
    frames = [picture(), np.roll(picture(), 2, axis=1)]
    plate = write_frames(tmp_path / "plate", [each / 255 for each in frames])
    told = tmp_path / "told.csv"
    told.write_text("1,40,30,1\n")
    # the plate's values are linear to apply: the network is given them as they are
    toml = sam.model.with_suffix(".toml")
    toml.write_text(toml.read_text().replace('colour = "srgb"', 'colour = "raw"'))
    understudy.apply(sam.model, plate, tmp_path / "out.####.exr", devices="cpu", prompts=str(told))
    before = torch.zeros(1, 1, 4 * CELLS, 4 * CELLS)
    for number, pixels in enumerate(frames, 1):
        points = [[40.0, 30.0], [0.0, 0.0]] if number == 1 else [[0.0, 0.0]]
        labels = [1.0, -1.0] if number == 1 else [-1.0]
        x = sam.network.preprocess(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float())
        with torch.no_grad():
            seen = sam.network.image_encoder(x)
            given = torch.tensor([points]), torch.tensor([labels]), before, torch.tensor([float(number > 1)])
            masks, _, before = sam.decoder(seen, *given, torch.tensor(SIZE).float())
        made = read_image_file(tmp_path / f"out.{number:04d}.exr").planes(("A",))[..., 0]
        np.testing.assert_allclose(made, sigmoid(masks[0, 0]), atol=1e-5, err_msg=str(number))
