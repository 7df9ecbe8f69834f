"""A client of the server's HTTP door: one file, the standard library only, Python 3.7 or newer (Nuke's own as well).

    import understudy_client as client            # this file, under whatever name you dropped it in

    client.list_models()
    result = client.infer("blur", [pixels], kernel_size=9)[0]

Images are anything with the buffer protocol: numpy arrays, ``array.array``, bytes. An array of three
dimensions is (height, width, channels), one of two is (height, width); what has no shape of its own is given
as a pair ``(data, (height, width, channels))``. Types: float32, float16, uint8; float64 is turned into float32.

A result is an ``Image``: ``numpy.asarray(image)`` is a float32 array (height, width, channels) without a copy.
"""

import array
import http.client
import json
import os
import sys
from urllib.parse import quote, urlsplit

__all__ = ["Client", "Image", "ServerError", "infer", "list_models"]

DEFAULT_URL = "http://127.0.0.1:8000"
_TYPES = {"f": ("FP32", 4), "e": ("FP16", 2), "B": ("UINT8", 1), "b": None}
_PIECE = 1 << 20


class ServerError(Exception):
    """The server refused or failed; ``status`` is the HTTP status, 0 when there was no answer."""

    def __init__(self, message, status=0):
        super().__init__(message)
        self.status = status


class Image:
    """A result: float32 values, top row first, channels side by side.

    ``height``, ``width``, ``channels``, ``name``; ``data`` is a flat ``array.array("f")``. The object itself has
    the buffer protocol's view in ``memory`` (shape (height, width, channels)) for numpy and others.
    """

    def __init__(self, name, data, height, width, channels):
        self.name = name
        self.data = data
        self.height = height
        self.width = width
        self.channels = channels

    @property
    def shape(self):
        """(height, width, channels)"""
        return (self.height, self.width, self.channels)

    @property
    def memory(self):
        """A memory view of the values in the image's shape."""
        return memoryview(self.data).cast("B").cast("f", self.shape)

    @property
    def __array_interface__(self):
        address, _ = self.data.buffer_info()
        order = "<f4" if sys.byteorder == "little" else ">f4"
        return {"shape": self.shape, "typestr": order, "data": (address, False), "version": 3}

    def pixel(self, x, y):
        """The values of one pixel, counted from the top left."""
        at = (y * self.width + x) * self.channels
        return tuple(self.data[at : at + self.channels])

    def __repr__(self):
        return "<Image %s %dx%dx%d>" % (self.name, self.width, self.height, self.channels)


class Client:
    """A server to be asked. ``token`` is needed when the server has one; ``timeout`` is in seconds."""

    def __init__(self, url=None, token=None, timeout=300.0):
        parts = urlsplit(url or os.environ.get("UNDERSTUDY_SERVER") or DEFAULT_URL)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("the address is not of the form http://host:port")
        self._kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._where = (parts.hostname, parts.port)
        self._token = token or os.environ.get("UNDERSTUDY_TOKEN")
        self._timeout = timeout

    def list_models(self):
        """All models: a list of dicts with name, label, inputs, outputs, options, state."""
        return json.loads(self._ask("GET", "/api/models")[1].decode("utf-8"))

    def infer(self, model, images, space="file", **options):
        """Run a model. ``images`` in the order of its inputs; ``options`` by name; returns a list of ``Image``.

        ``space`` is "file" (the values that the model's files have) or "scene-linear". ``ServerError`` says
        what the server did not like.
        """
        described = [m for m in self.list_models() if m["name"] == model or m["label"] == model]
        if not described:
            raise ServerError("there is no model %r" % (model,), 404)
        names = [port["name"] for port in described[0]["inputs"]]
        images = list(images)
        if len(images) != len(names):
            raise ServerError("%s wants %d images (%s), not %d" % (model, len(names), ", ".join(names), len(images)))
        head, blocks = _request(names, images, dict(options, space=space))
        return self._infer(described[0]["name"], head, blocks)

    def _infer(self, name, head, blocks):
        raw = json.dumps(head).encode("utf-8")
        headers = {
            "Content-Length": str(len(raw) + sum(map(len, blocks))),
            "Inference-Header-Content-Length": str(len(raw)),
        }
        path = "/v2/models/%s/infer" % quote(name, safe="")
        size, body = self._ask("POST", path, _pieces([raw] + blocks), headers)
        return _answer(body, size)

    def _ask(self, method, path, body=None, headers=None):
        """One exchange: (length of the JSON part or None, body)."""
        headers = dict(headers or {})
        if self._token:
            headers["Authorization"] = "Bearer " + self._token
        connection = self._kind(self._where[0], self._where[1], timeout=self._timeout)
        try:
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            data = _read(response)
        except (OSError, http.client.HTTPException) as error:
            raise ServerError("no answer from %s:%s: %s" % (self._where[0], self._where[1], error))
        finally:
            connection.close()
        if response.status != 200:
            raise ServerError(_error_text(data, response), response.status)
        size = response.getheader("Inference-Header-Content-Length")
        return (int(size) if size else None), data


def _error_text(data, response):
    try:
        return json.loads(bytes(data).decode("utf-8"))["error"]
    except (ValueError, KeyError, TypeError):
        return "the server answered %d %s" % (response.status, response.reason)


def _read(response):
    """The whole body, read into memory that is there already."""
    size = int(response.getheader("Content-Length") or 0)
    body = bytearray(size)
    view, at = memoryview(body), 0
    while at < size:
        count = response.readinto(view[at:])
        if not count:
            raise http.client.IncompleteRead(b"", size - at)
        at += count
    return body


def _pieces(parts):
    for part in parts:
        view = memoryview(part)
        for at in range(0, len(view), _PIECE):
            yield view[at : at + _PIECE]


def _request(names, images, parameters):
    inputs, blocks = [], []
    for name, image in zip(names, images):
        kind, shape, block = _planar(image)
        inputs.append({"name": name, "shape": [1] + list(shape), "datatype": kind,
                       "parameters": {"binary_data_size": len(block)}})
        blocks.append(block)
    return {"inputs": inputs, "parameters": dict(parameters, binary_data_output=True)}, blocks


def _planar(image):
    """(type, (channels, height, width), bytes of the planes) of anything with a shape."""
    data, shape = image if isinstance(image, tuple) else (image, None)
    if isinstance(data, Image):
        data = data.memory
    view = memoryview(data)
    shape = tuple(shape or view.shape)
    letter = view.format.lstrip("<=@")
    if letter == "d":
        view, letter = memoryview(array.array("f", _flat(view).cast("d"))), "f"
    flat = _flat(view)
    if isinstance(image, tuple) and letter == "B" and _count(shape) * 4 == len(flat):
        letter = "f"  # plain bytes that hold float32 values
    if _TYPES.get(letter) is None or sys.byteorder != "little":
        raise TypeError("images are float32, float16 or uint8, not %r" % view.format)
    kind, size = _TYPES[letter]
    if len(shape) == 2:
        shape += (1,)
    if len(shape) != 3 or _count(shape) * size != len(flat):
        raise ValueError("an image is (height, width, channels); bytes need a shape: (data, (h, w, c))")
    height, width, channels = shape
    return kind, (channels, height, width), _deinterleaved(flat, channels, size)


def _flat(view):
    return view.cast("B") if view.c_contiguous else memoryview(view.tobytes())


def _count(shape):
    total = 1
    for each in shape:
        total *= int(each)
    return total


def _deinterleaved(flat, channels, size):
    if channels == 1:
        return flat
    values = array.array({4: "f", 2: "H", 1: "B"}[size])
    values.frombytes(flat)
    planes = array.array(values.typecode)
    for channel in range(channels):
        planes.extend(values[channel::channels])
    return memoryview(planes).cast("B")


def _answer(body, size):
    if size is None:
        raise ServerError("the server did not answer in binary form")
    head = json.loads(bytes(body[:size]).decode("utf-8"))
    images, at = [], size
    for output in head["outputs"]:
        count = output["parameters"]["binary_data_size"]
        images.append(_image(output, memoryview(body)[at : at + count]))
        at += count
    return images


def _image(output, block):
    channels, height, width = output["shape"][1:]
    planes = array.array("f")
    planes.frombytes(block)
    if channels == 1:
        return Image(output["name"], planes, height, width, 1)
    pixels = array.array("f", bytes(len(block)))
    per_plane = height * width
    for channel in range(channels):
        pixels[channel::channels] = planes[channel * per_plane : (channel + 1) * per_plane]
    return Image(output["name"], pixels, height, width, channels)


def list_models(url=None, token=None):
    """``Client(url, token).list_models()``"""
    return Client(url, token).list_models()


def infer(model, images, url=None, token=None, space="file", **options):
    """``Client(url, token).infer(model, images, ...)``"""
    return Client(url, token).infer(model, images, space=space, **options)
