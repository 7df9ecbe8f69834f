# ruff: noqa: B905 (this file runs on Python 3.7)
"""A client of the server's HTTP endpoint: one file, standard library only, Python 3.7 or newer (also Nuke's).

    import client                      # this file, under whatever name you dropped it in

    client.list_models()
    result = client.infer("blur", [pixels], kernel_size=9)[0]

Images are anything with the buffer protocol: numpy arrays, ``array.array``, bytes. An array of three
dimensions is (height, width, channels), one of two is (height, width); what has no shape of its own is given
as a pair ``(data, (height, width, channels))``. Types: float32, float16, uint8; float64 becomes float32.

A result is an ``Image``: ``numpy.asarray(image)`` is its float32 array (height, width, channels), not copied.
"""

from __future__ import annotations

import array
import http.client
import json
import os
import ssl
import sys
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

__all__ = ["Client", "Image", "ServerError", "infer", "list_models"]

DEFAULT_URL = "http://127.0.0.1:8000"
_TYPES = {"f": ("FP32", 4), "e": ("FP16", 2), "B": ("UINT8", 1)}
_WORDS = {4: "f", 2: "H", 1: "B"}
_PIECE = 1 << 20


class ServerError(Exception):
    """The server refused or failed; ``status`` is the HTTP status, 0 when there was no answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Image:
    """A result: float32 values, the top row first, channels side by side.

    ``height``, ``width``, ``channels``, ``name``; ``data`` is a flat ``array.array("f")``, ``memory`` a view
    of it in the shape (height, width, channels).
    """

    def __init__(self, name: str, data: array.array, shape: tuple[int, int, int]) -> None:
        self.name = name
        self.data = data
        self.height, self.width, self.channels = self.shape = shape

    @property
    def memory(self) -> memoryview[float]:
        return memoryview(self.data).cast("B").cast("f", self.shape)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        address = self.data.buffer_info()[0]
        return {"shape": self.shape, "typestr": "<f4", "data": (address, False), "version": 3}

    def pixel(self, x: int, y: int) -> tuple[float, ...]:
        """The values of one pixel, counted from the top left."""
        at = (y * self.width + x) * self.channels
        return tuple(self.data[at : at + self.channels])

    def __repr__(self) -> str:
        return f"<Image {self.name} {self.width}x{self.height}x{self.channels}>"


class Client:
    """A server to be asked.

    ``url`` is like "http://127.0.0.1:8000" (or in UNDERSTUDY_SERVER), ``token`` what the server's token file
    holds (or UNDERSTUDY_TOKEN), ``timeout`` seconds for each read and write. ``ca_file`` (or
    UNDERSTUDY_CA_FILE): the certificate of a studio's own authority, PEM, for https.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        timeout: float = 300.0,
        ca_file: str | None = None,
    ) -> None:
        parts = urlsplit(url or os.environ.get("UNDERSTUDY_SERVER") or DEFAULT_URL)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("the address is not of the form http://host:port")
        self._host, self._port, self._secure = parts.hostname, parts.port, parts.scheme == "https"
        self._token = token or os.environ.get("UNDERSTUDY_TOKEN")
        self._timeout = timeout
        self._ca_file = ca_file or os.environ.get("UNDERSTUDY_CA_FILE")

    def list_models(self) -> list[dict[str, Any]]:
        """All models: dicts with name, label, inputs, outputs, options, state."""
        return json.loads(bytes(self._ask("GET", "/api/models")[1]).decode("utf-8"))

    def infer(self, model: str, images: Sequence[Any], space: str = "file", **options: Any) -> list[Image]:
        """Run a model, given by name or label. ``images`` in the order of its inputs; ``options`` by name.

        ``space`` says what the values are: "file" (as in the files that the model knows) or "scene-linear".
        Raises ServerError with what the server did not like, TypeError or ValueError for what is no image.
        """
        found = self._find(model)
        names = [port["name"] for port in found["inputs"]]
        if len(images) != len(names):
            wanted = f"{len(names)} image{'s' if len(names) > 1 else ''} ({', '.join(names)})"
            raise ServerError(f"{model} wants {wanted}, not {len(images)}")
        head, blocks = _request(names, images, dict(options, space=space))
        return _answer(*self._infer(found["name"], head, blocks))

    def _find(self, model: str) -> dict[str, Any]:
        for each in self.list_models():
            if model in (each["name"], each["label"]):
                return each
        raise ServerError(f"there is no model {model!r}", 404)

    def _infer(
        self, name: str, head: dict[str, Any], blocks: list[memoryview]
    ) -> tuple[int | None, bytearray]:
        raw = json.dumps(head).encode("utf-8")
        headers = {
            "Content-Length": str(len(raw) + sum(map(len, blocks))),
            "Inference-Header-Content-Length": str(len(raw)),
        }
        path = f"/v2/models/{quote(name, safe='')}/infer"
        return self._ask("POST", path, _pieces([memoryview(raw), *blocks]), headers)

    def _ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int | None, bytearray]:
        """One exchange: the length of the JSON part (None when all is JSON), and the body."""
        connection = self._connection()
        secret = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            connection.request(method, path, body=body, headers={**(headers or {}), **secret})
            response = connection.getresponse()
            data = _read(response)
        except (OSError, http.client.HTTPException) as error:
            raise ServerError(f"no answer from {self._host}:{self._port}: {error}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise ServerError(_error_text(data, response), response.status)
        size = response.getheader("Inference-Header-Content-Length")
        return (int(size) if size else None), data

    def _connection(self) -> http.client.HTTPConnection:
        if not self._secure:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        context = ssl.create_default_context(cafile=self._ca_file)
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=context)


def list_models(url: str | None = None, token: str | None = None) -> list[dict[str, Any]]:
    """``Client(url, token).list_models()``"""
    return Client(url, token).list_models()


def infer(
    model: str,
    images: Sequence[Any],
    url: str | None = None,
    token: str | None = None,
    space: str = "file",
    **options: Any,
) -> list[Image]:
    """``Client(url, token).infer(model, images, ...)``"""
    return Client(url, token).infer(model, images, space=space, **options)


# ---------------------------------------------------------------- bytes on their way


def _read(response: http.client.HTTPResponse) -> bytearray:
    """The whole body, read into memory that is there already."""
    body = bytearray(int(response.getheader("Content-Length") or 0))
    view, at = memoryview(body), 0
    while at < len(body):
        count = response.readinto(view[at:])
        if not count:
            raise http.client.IncompleteRead(b"", len(body) - at)
        at += count
    return body


def _pieces(parts: list[memoryview]) -> Iterator[memoryview]:
    for part in parts:
        for at in range(0, len(part), _PIECE):
            yield part[at : at + _PIECE]


def _error_text(data: bytearray, response: http.client.HTTPResponse) -> str:
    try:
        return str(json.loads(bytes(data).decode("utf-8"))["error"])
    except (ValueError, KeyError, TypeError):
        return f"the server answered {response.status} {response.reason}"


# ---------------------------------------------------------------- images


def _request(
    names: list[str], images: Sequence[Any], parameters: dict[str, Any]
) -> tuple[dict[str, Any], list[memoryview]]:
    inputs, blocks = [], []
    for name, image in zip(names, images):
        kind, shape, block = _planar(image)
        size = {"binary_data_size": len(block)}
        inputs.append({"name": name, "shape": [1, *shape], "datatype": kind, "parameters": size})
        blocks.append(block)
    return {"inputs": inputs, "parameters": dict(parameters, binary_data_output=True)}, blocks


def _planar(image: Any) -> tuple[str, tuple[int, int, int], memoryview]:
    """The type, (channels, height, width) and the bytes of the planes of anything with a shape."""
    data, shape = image if isinstance(image, tuple) else (image, None)
    view = data.memory if isinstance(data, Image) else memoryview(data)
    shape = tuple(shape or view.shape or ())
    flat, letter = _flat(view), view.format.lstrip("<=@")
    if letter == "d":
        flat, letter = memoryview(array.array("f", flat.cast("d"))).cast("B"), "f"
    if isinstance(image, tuple) and letter == "B" and _count(shape) * 4 == len(flat):
        letter = "f"  # plain bytes that hold float32 values
    if letter not in _TYPES or sys.byteorder != "little":
        raise TypeError(f"images are float32, float16 or uint8, not {view.format!r}")
    kind, size = _TYPES[letter]
    if len(shape) == 2:
        shape += (1,)
    if len(shape) != 3 or _count(shape) * size != len(flat):
        raise ValueError("an image is (height, width, channels); bytes need a shape: (data, (h, w, c))")
    height, width, channels = shape
    return kind, (channels, height, width), _apart(flat, channels, size)


def _flat(view: memoryview[Any]) -> memoryview:
    return view.cast("B") if view.c_contiguous else memoryview(view.tobytes())


def _count(shape: tuple[int, ...]) -> int:
    total = 1
    for each in shape:
        total *= int(each)
    return total


def _apart(flat: memoryview, channels: int, size: int) -> memoryview:
    """Channels side by side -> one plane after the other."""
    if channels == 1:
        return flat
    values, planes = array.array(_WORDS[size]), array.array(_WORDS[size])
    values.frombytes(flat)
    for channel in range(channels):
        planes.extend(values[channel::channels])
    return memoryview(planes).cast("B")


def _answer(size: int | None, body: bytearray) -> list[Image]:
    if size is None:
        raise ServerError("the server did not answer in binary form")
    images, at = [], size
    for output in json.loads(bytes(body[:size]).decode("utf-8"))["outputs"]:
        count = output["parameters"]["binary_data_size"]
        images.append(_image(output, memoryview(body)[at : at + count]))
        at += count
    return images


def _image(output: dict[str, Any], block: memoryview) -> Image:
    """One plane after the other -> channels side by side."""
    channels, height, width = output["shape"][1:]
    planes = array.array("f")
    planes.frombytes(block)
    pixels, size = planes, height * width
    if channels > 1:
        pixels = array.array("f", bytes(len(block)))
        for channel in range(channels):
            pixels[channel::channels] = planes[channel * size : (channel + 1) * size]
    return Image(output["name"], pixels, (height, width, channels))
