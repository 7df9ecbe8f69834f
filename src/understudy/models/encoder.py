"""A network in two files: an encoder looks at the picture, and a decoder answers to what it made of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.errors import ModelFileError
from understudy.models.kept import KeptArrays
from understudy.models.onnx_file import OnnxFile
from understudy.models.sidecar import Sidecar

if TYPE_CHECKING:
    from torch import Tensor

MOST_KEPT = 256 << 20
"""Bytes of what an encoder made that are kept: some sixty frames of SAM's."""


class EncodedFile:
    """A decoder, and the encoder beside it, as one function of a picture. What the encoder made of the
    pictures that were asked for last is kept, so that another prompt costs the decoder alone."""

    format, runtime = "ONNX", "onnxruntime"
    knows_channels, takes_batches = True, False

    def __init__(self, decoder: OnnxFile, side: Sidecar, threads: int, providers: Sequence[str]) -> None:
        self.decoder, self.path = decoder, decoder.path
        path = encoder_path(decoder.path, side)
        self.encoder = OnnxFile(path, Sidecar(layout=side.layout, inputs=side.inputs), threads, providers)
        self.inputs, self.fixed_size = self.encoder.inputs, self.encoder.fixed_size
        self.outputs, self.options = decoder.outputs, decoder.options
        self._from = _connected(self, side)
        self.fed = {name: spec for name, spec in decoder.fed.items() if name not in self._from}
        self._kept = KeptArrays(MOST_KEPT)

    @property
    def bytes_per_pixel(self) -> float:
        return self.encoder.bytes_per_pixel

    def __call__(self, images: Sequence[Tensor], options: Mapping[str, Any]) -> list[Tensor]:
        """All results for images (1, C, H, W), float32."""
        return self.with_feeds(images, options, {})[0]

    def with_feeds(
        self, images: Sequence[Tensor], options: Mapping[str, Any], feeds: Mapping[str, np.ndarray]
    ) -> tuple[list[Tensor], dict[str, np.ndarray]]:
        """As ``OnnxFile.with_feeds``."""
        made = self._kept.get(_key(images), lambda: self._encode(images))
        encoded = {name: made[source] for name, source in self._from.items()}
        return self.decoder.with_feeds([], options, {**feeds, **encoded})

    def _encode(self, images: Sequence[Tensor]) -> dict[str, np.ndarray]:
        made = self.encoder.all_of(images)
        return {source: made[source] for source in self._from.values()}


def encoder_path(decoder: Path, side: Sidecar) -> Path:
    """Where the encoder lies. ModelFileError where it is not."""
    path = decoder.parent / str(side.encoder)
    if path.is_file() and path.name != decoder.name:
        return path
    raise ModelFileError(
        "The encoder of this network is not beside it.",
        expected=f"{side.encoder}, an ONNX file of its own, in the same folder",
        found="the decoder itself" if path.name == decoder.name else "no such file",
        where=str(path),
        remedy=f"Put it there, or correct encoder in {decoder.with_suffix('.toml').name}.",
    )


def _connected(file: EncodedFile, side: Sidecar) -> dict[str, str]:
    """For each input of the decoder that the encoder makes, which of its outputs. ModelFileError where that
    is not known."""
    prompts = side.prompts.inputs if side.prompts else {}
    made = [each.name for each in file.encoder.session.get_outputs()]
    wanted = [name for name in file.decoder.fed if name not in prompts]
    found = {name: side.encoded.get(name, name) for name in wanted}
    unknown = [name for name in side.encoded if name not in wanted]
    missing = [name for name, source in found.items() if source not in made]
    if missing or unknown or not found:
        raise ModelFileError(
            "It is not known what of the encoder's goes into which input of the decoder.",
            expected=f"{', '.join(wanted) or 'inputs that it makes'}, of the encoder's {', '.join(made)}",
            found=", ".join(
                f"{name} = {found.get(name, side.encoded.get(name))!r}" for name in missing or unknown
            ),
            where=str(file.path.with_suffix(".toml")),
            remedy="Say it under [encoded]: the input's name = the name of the encoder's output.",
        )
    return found


def _key(images: Sequence[Tensor]) -> tuple[Any, ...]:
    """The same for the same pictures."""
    made = hashlib.blake2b(digest_size=20)
    for each in images:
        made.update(np.ascontiguousarray(each.cpu().numpy()).data)
    return (made.digest(), *(tuple(each.shape) for each in images))
