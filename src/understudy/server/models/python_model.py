"""A Python model as the server sees it: a description, and a process that is watched and started again."""

from __future__ import annotations

import itertools
import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from understudy.errors import ModelFileError, ServerError
from understudy.models.declared import option_of
from understudy.models.description import ANY, ImageSpec, ModelDescription
from understudy.models.names import safe_label, safe_name
from understudy.models.options import Option, usable_options
from understudy.models.sidecar import Sidecar, read_sidecar
from understudy.server.log import ServerLog
from understudy.server.models.pipe import PipeError, PipeTimeout, packed, unpacked
from understudy.server.models.python_process import PythonProcess
from understudy.server.models.served import Answer, Call, ModelDown
from understudy.server.sizes import parse_size

POLL_INTERVAL = 0.2
SIDE = "model.toml"
FIRST_BACKOFF = 0.25
MAX_BACKOFF = 30.0
ANSWER_LIMIT = 2**31
_numbers = itertools.count()


class _OptionHello(BaseModel):
    model_config = ConfigDict(strict=True)
    name: str = Field(max_length=64)
    type: Literal["bool", "int", "float", "string"]
    default: bool | int | float | str


class _Hello(BaseModel):
    """What a worker may say of its model."""

    label: str = Field(max_length=256)
    options: list[_OptionHello] = Field(max_length=256)
    buttons: list[str] = Field(max_length=64)
    inputs: list[tuple[str, int]] = Field(min_length=1, max_length=32)
    outputs: list[tuple[str, int]] = Field(min_length=1, max_length=32)


class PythonModel:
    """A folder with ``model.py``, in a process of its own: a crash, a hang or a leak ends that, and a new
    one starts.
    """

    workers = 1
    max_batch = 1

    def __init__(self, folder: Path, log: ServerLog) -> None:
        self._folder = folder.absolute()
        self._log = log
        self._side: Sidecar = read_sidecar(folder / SIDE)
        self._memory_limit = (
            parse_size(self._side.memory_limit) if self._side.memory_limit else _half_of_memory()
        )
        self.executor = f"python:{next(_numbers)}"
        self.description = ModelDescription(
            safe_name(folder.name), safe_label(folder.name), format="Python", accepts_any_channels=True
        )
        self.state, self.trouble = "starting", "it is being started"
        self.introduced = False
        self._process: PythonProcess | None = None
        self._backoff = FIRST_BACKOFF
        self._changing = threading.Lock()
        self._closed = threading.Event()
        threading.Thread(target=self._supervise, name=f"supervisor-{folder.name}", daemon=True).start()

    # ------------------------------------------------------------ asked

    def run(self, calls: list[Call]) -> list[Answer]:
        return [self._ask(call) for call in calls]

    def _ask(self, call: Call) -> Answer:
        process = self._process
        if process is None or self.state != "ready":
            raise ModelDown(f'The model "{self.description.label}" is down: {self.trouble}.')
        sent = [packed(planes) for planes in call.pictures]
        head = {
            "op": "infer",
            "options": call.options,
            "buttons": call.buttons,
            "pictures": [each for each, _ in sent],
        }
        deadline = time.monotonic() + self._side.time_limit
        try:
            process.pipe.send(head, [block for _, block in sent], deadline)
            answer, blocks = process.pipe.receive(min(ANSWER_LIMIT, self._memory_limit), deadline)
        except PipeTimeout:
            raise self._kill(process, f"it took longer than {self._side.time_limit:g} s") from None
        except PipeError:
            raise self._kill(process, "it crashed") from None
        return self._read(process, answer, blocks)

    def _read(self, process: PythonProcess, answer: dict[str, Any], blocks: list[Any]) -> Answer:
        if answer.get("op") == "trouble":
            raise self._troubled(process, answer)
        self._backoff = FIRST_BACKOFF
        try:
            pictures = [unpacked(*each) for each in zip(answer["pictures"], blocks, strict=False)]
        except (PipeError, KeyError, TypeError):
            raise self._kill(process, "it answered in a form of its own") from None
        return Answer(pictures, [bytes(block) for block in blocks[len(pictures) :]])

    def _troubled(self, process: PythonProcess, answer: dict[str, Any]) -> Exception:
        """An exception in the model: its trace for the log, its type for the client."""
        self._log.error(
            "a Python model raised an exception", model=self.description.name, trace=str(answer.get("trace"))
        )
        if answer.get("kind") == "memory":
            return self._kill(process, "it ran out of memory")
        kind = _word(answer.get("said"))
        return RequestFailed(f'The model "{self.description.label}" failed on this request ({kind}).')

    def _kill(self, process: PythonProcess, why: str) -> ModelDown:
        """End the process; the keeper starts another, and may have done so already."""
        process.end(why)
        why = process.reason or why
        with self._changing:
            if process is self._process:
                self.state, self.trouble = "down", f"{why}; it is being started again"
        return ModelDown(
            f'The model "{self.description.label}" was stopped: {why}. It is being started again.'
        )

    # ------------------------------------------------------------ kept

    def _supervise(self) -> None:
        """Start the process, watch it, start the next one when it ends. A model that cannot be imported is
        not tried again: when its files change, another ``PythonModel`` takes its place."""
        while not self._closed.is_set():
            try:
                process = self._start()
            except Unimportable as error:
                self.state, self.trouble = "failed", str(error)
                return
            except OSError as error:
                self._note_down("it cannot be started", error)
                process = None
            if process is not None:
                self._watch(process)
            self._closed.wait(self._backoff)
            self._backoff = min(self._backoff * 2, MAX_BACKOFF)

    def _start(self) -> PythonProcess | None:
        """A process that has introduced its model; None when it does not come to that."""
        process = PythonProcess(self._folder, self._memory_limit, self._log)
        with self._changing:
            self._process = process
        try:
            hello, _ = process.pipe.receive(0, time.monotonic() + self._side.start_limit)
            if hello.get("op") != "hello":
                self._log.error(
                    "a Python model does not start",
                    model=self.description.name,
                    trace=str(hello.get("trace")),
                )
                if hello.get("kind") == "import":
                    process.end()
                    raise Unimportable(_import_failure(hello))
                raise PipeError(_word(hello.get("said")))
            self.description = self._described(_Hello.model_validate(hello))
        except ModelFileError as error:
            process.end()
            raise Unimportable(f"{SIDE}: {error.message} ({error.found})") from error
        except (PipeError, ValidationError) as error:
            process.end()
            said = (
                f" ({error})" if isinstance(error, PipeError) and not isinstance(error, PipeTimeout) else ""
            )
            self._note_down(f"it does not start{said}", error)
            return None
        self.introduced = True
        self.state, self.trouble = "ready", ""
        self._log.info("a Python model is ready", model=self.description.name)
        return process

    def _watch(self, process: PythonProcess) -> None:
        """Until the process ends, look at its memory."""
        while process.is_alive() and not self._closed.wait(POLL_INTERVAL):
            if process.memory() > self._memory_limit:
                process.end("it used too much memory")
        process.end()
        if not self._closed.is_set():
            self._note_down(process.reason or "it crashed", None, code=process.code)

    def _note_down(self, why: str, error: Exception | None, **facts: Any) -> None:
        self.state, self.trouble = "down", f"{why}; it is being started again"
        said = str(error)[:300] if error else ""
        self._log.error(
            "a Python model is down",
            model=self.description.name,
            why=why,
            said=said,
            pause=self._backoff,
            **facts,
        )

    def _described(self, hello: _Hello) -> ModelDescription:
        options = self._ranged([Option(each.name, each.type, each.default) for each in hello.options])
        names = {option.name for option in options}
        left_out = [each.name for each in hello.options if each.name not in names]
        if left_out:
            self._log.warning(
                "options that cannot become knobs are left out", model=self.description.name, options=left_out
            )
        return replace(
            self.description,
            options=options,
            buttons=tuple(name for name in hello.buttons if name not in names),
            label=safe_label(self._side.label or hello.label),
            inputs=_ports(hello.inputs),
            outputs=_ports(hello.outputs),
            text=self._side.description,
        )

    def _ranged(self, options: list[Option]) -> tuple[Option, ...]:
        """The options, with the ranges that a ``model.toml`` gives them."""
        ranges = {text.name: option_of(text) for text in self._side.options or []}
        ranged = []
        for option in options:
            spec = ranges.get(option.name)
            if spec is not None and spec.kind == option.kind:
                option = replace(spec, default=option.default)
            ranged.append(option)
        return usable_options(ranged)

    def refresh(self) -> None: ...

    def close(self) -> None:
        """End the process for good."""
        self._closed.set()
        if self._process is not None:
            self._process.end()


class Unimportable(Exception):
    """The model's code cannot be imported; the text says why, fit for a client."""


def _import_failure(hello: dict[str, Any]) -> str:
    """Why a model cannot be imported, in words that hold nothing of the model's own but a name."""
    needs, kind = _word(hello.get("needs")), _word(hello.get("said"))
    return (
        f"needs the package {needs}"
        if needs
        else f"it cannot be imported ({kind}); the server's log says why"
    )


def _word(value: Any) -> str:
    return "".join(each for each in str(value or "")[:64] if each.isalnum() or each in "_-.")


class RequestFailed(ServerError):
    """The model raised an exception on this request; the next may go well."""


def _ports(pairs: list[tuple[str, int]]) -> tuple[ImageSpec, ...]:
    return tuple(ImageSpec(safe_name(name), channels if channels > 0 else ANY) for name, channels in pairs)


def _half_of_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, ValueError, OSError):
        return 4 * 10**9
