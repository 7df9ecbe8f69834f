"""The process of one Python model: ``python -m understudy.server.models.python_worker FD FOLDER BYTES``.

It talks to the server through the socket FD and to nobody else of the server. What the model prints goes
to the server's log. When the server is gone, so is this process.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from understudy.server.models.original import import_model, missing_package
from understudy.server.models.pipe import Pipe, PipeError, packed, unpacked

MAX_REQUEST = 1 << 34  # the server has limits of its own
MAX_TRACE = 8000
RESERVE = 64 << 20
"""Bytes beyond the limit for saying that it was reached: the model keeps what it took."""


def main(arguments: list[str]) -> int:
    """Load the model, introduce it, then answer until the server hangs up."""
    pipe = Pipe(socket.socket(fileno=int(arguments[0])))
    limit_memory(int(arguments[2]))
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    sys.path.append(os.getcwd())
    try:
        kind = import_model(Path(arguments[1]))
    except BaseException as error:
        pipe.send(unimportable(error))
        return 1
    try:
        model = kind()
        hello = introduction(model)
    except BaseException as error:
        pipe.send(unimportable(error) if isinstance(error, ImportError) else trouble(error))
        return 1
    pipe.send(hello)
    defaults = dict(model.get_options())
    while True:
        try:
            head, blocks = pipe.receive(MAX_REQUEST)
        except PipeError:
            return 0
        pipe.send(*answer(model, defaults, head, blocks))


def limit_memory(size: int) -> None:
    """Let the system refuse memory beyond ``size`` bytes, and write no core files."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if size:
        resource.setrlimit(resource.RLIMIT_DATA, (size, size + RESERVE))


def use_reserve() -> None:
    """Lift the limit of memory by the reserve; the process is about to be ended."""
    try:
        import resource
    except ImportError:
        return
    most = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _end_with(parent: int) -> None:
    """End this process when the server is gone, also in the middle of a request."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def introduction(model: Any) -> dict[str, Any]:
    """What the model says of itself. The type of an option is that of its value, bool tested before int."""
    options = [
        {"name": name, "type": _kind(name, value), "default": _plain(value)}
        for name, value in model.get_options().items()
    ]
    return {
        "op": "hello",
        "label": str(model.get_name()),
        "options": options,
        "buttons": list(model.get_buttons()),
        "inputs": [[str(name), int(count)] for name, count in dict(model.get_inputs()).items()],
        "outputs": [[str(name), int(count)] for name, count in dict(model.get_outputs()).items()],
    }


def _kind(name: str, value: Any) -> str:
    kinds = (
        (bool, "bool"),
        (np.bool_, "bool"),
        (int, "int"),
        (np.integer, "int"),
        (float, "float"),
        (np.floating, "float"),
        (str, "string"),
    )
    for kind, word in kinds:
        if isinstance(value, kind):
            return word
    raise TypeError(f"the option {name} is a {type(value).__name__}; options are bool, int, float or str")


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def answer(model: Any, defaults: dict[str, Any], head: dict[str, Any], blocks: list[np.ndarray]) -> tuple:
    """One request. Options and buttons are set for it and taken back after it."""
    pressed = head["buttons"]
    try:
        model.set_options({**defaults, **head["options"]})
        model.set_buttons(pressed)
        images = [_image(unpacked(*each)) for each in zip(head["pictures"], blocks, strict=True)]
        head_out, blocks_out = result_of(model.inference(images))
    except BaseException as error:
        return trouble(error), []
    finally:
        _take_back(model, defaults, pressed)
    return head_out, blocks_out


def _take_back(model: Any, defaults: dict[str, Any], pressed: dict[str, bool]) -> None:
    model.set_options(dict(defaults))
    model.set_buttons(dict.fromkeys(pressed, False))


def _image(planes: np.ndarray) -> np.ndarray:
    """Planes as the model wants them: (height, width, channels), its own to write to."""
    return np.ascontiguousarray(planes.transpose(1, 2, 0))


def result_of(result: Any) -> tuple[dict[str, Any], list[memoryview]]:
    """What ``inference`` returned, pictures and attributes apart; ``TypeError`` says what cannot be sent."""
    items = list(result) if isinstance(result, list | tuple) else [result]
    pictures, objects = [], []
    for item in items:
        if hasattr(item, "SerializeToString"):
            objects.append(item.SerializeToString())
        else:
            pictures.append(_planes(item))
    sent = [packed(planes) for planes in pictures]
    head = {"op": "answer", "pictures": [each for each, _ in sent], "objects": len(objects)}
    return head, [block for _, block in sent] + [memoryview(each) for each in objects if each]


def _planes(item: Any) -> np.ndarray:
    """A returned picture as planes, the bottom row first in memory, as it will travel."""
    image = np.asarray(item)
    if image.dtype.kind not in "fiub" or image.ndim not in (2, 3) or 0 in image.shape:
        raise TypeError(
            f"inference returned {type(item).__name__} of shape {image.shape} and type {image.dtype}; "
            "it must return arrays of numbers (height, width, channels)"
        )
    image = image[..., None] if image.ndim == 2 else image
    return np.ascontiguousarray(image.transpose(2, 0, 1)[:, ::-1], np.float32)[:, ::-1]


def trouble(error: BaseException) -> dict[str, Any]:
    """An exception, for the log of the server; the client is told its type only."""
    kind = "memory" if isinstance(error, MemoryError) else "model"
    if kind == "memory":
        use_reserve()
    said = type(error).__name__
    trace = "".join(traceback.format_exception(error))[-MAX_TRACE:]
    return {"op": "trouble", "kind": kind, "said": said, "trace": trace}


def unimportable(error: BaseException) -> dict[str, Any]:
    """An exception that comes again until a file changes, with the package that is missing, if one is."""
    failed = trouble(error)
    return (
        failed
        if failed["kind"] == "memory"
        else {**failed, "kind": "import", "needs": missing_package(error)}
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
