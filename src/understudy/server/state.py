"""What both endpoints share: the models, the queues, the memory, and what a client may be told."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from understudy.errors import RequestError, ServerError
from understudy.server.admission import TURNS_PER_CORE, AdmissionControl
from understudy.server.audit import Audit
from understudy.server.certificate import Certificate
from understudy.server.executors import ExecutorPool, Job
from understudy.server.log import ServerLog
from understudy.server.metrics import Metrics
from understudy.server.models.devices import cores
from understudy.server.models.served import Answer, Call, ServedModel
from understudy.server.registry import Registry
from understudy.server.tokens import Access, Grant, grant_of_token, read_tokens

GIGABYTE = 10**9
UNKNOWN = "(unknown)"


@dataclass(frozen=True)
class ServerSettings:
    """How the server was started. ``max_request`` in bytes; ``patience``: idle timeout in seconds;
    ``token``: one that may use everything; ``tokens``: a file of further ones; ``audit``: a file that gets a
    line for each request; ``tls``: certificate and key of the HTTP and gRPC endpoints; ``grpc_port``: None
    for no such endpoint."""

    models: tuple[Path, ...] = ()
    host: str = "127.0.0.1"
    port: int = 55555
    http_port: int = 8000
    grpc_port: int | None = None
    devices: str = "auto"
    max_request: int = GIGABYTE
    token: str = ""
    tokens: Path | None = None
    audit: Path | None = None
    tls: tuple[Path, Path] | None = None
    patience: float = 10.0
    drain: float = 30.0


Replicate = Callable[[ServedModel, str, Path], ServedModel]
"""What puts other processes in the place of a model, of its kind and path."""


@dataclass
class ServerState:
    """Everything behind the endpoints."""

    settings: ServerSettings
    log: ServerLog = field(default_factory=ServerLog)
    registry: Registry = field(default_factory=Registry)
    metrics: Metrics = field(default_factory=Metrics)
    draining: threading.Event = field(default_factory=threading.Event)
    replicate: Replicate | None = None

    def __post_init__(self) -> None:
        self.access = Access(grants_of(self.settings))
        self.certificate = Certificate(self.settings.tls) if self.settings.tls else None
        self.audit = Audit(self.settings.audit, self.log) if self.settings.audit else None
        self.executors = ExecutorPool(self.log)
        budget = memory_budget(self.settings.max_request)
        self.admission = AdmissionControl(budget, TURNS_PER_CORE * cores())
        self.metrics.watch(
            lambda: self.admission.used, lambda: self.admission.waiting, self.executors.waiting
        )

    def submit(self, model: ServedModel, call: Call, client: str) -> Future[Answer]:
        """Queue a call; the answer, or what went wrong, arrives in the future."""
        call.client = client
        job = Job(client, model, call)
        job.future.add_done_callback(lambda done: self._note(model, done))
        return self.executors.submit(job)

    def _note(self, model: ServedModel, done: Future[Answer]) -> None:
        """A model's own failures are told in full to the log, and to nobody else."""
        error = None if done.cancelled() else done.exception()
        if error is not None and not isinstance(error, ServerError):
            self.log.error("a model failed", error, model=model.description.name)

    def explain(self, error: BaseException, model: ServedModel | None) -> str:
        """What the client is told: never a path, never a trace."""
        if isinstance(error, ServerError):
            return error.message
        label = f'"{model.description.label}"' if model else "The server"
        if isinstance(error, MemoryError):
            return f"{label} ran out of memory on this request."
        return f"{label} failed on this request; the server's log says why."

    @staticmethod
    def outcome(error: BaseException) -> str:
        """The word for the metrics."""
        return "refused" if isinstance(error, RequestError) else "failed"


def grants_of(settings: ServerSettings) -> tuple[Grant, ...]:
    """Who may use the server, as its files say now. SettingError where they cannot be read."""
    own = (grant_of_token(settings.token),) if settings.token else ()
    return (*own, *(read_tokens(settings.tokens) if settings.tokens else ()))


def memory_budget(max_request: int) -> int:
    """What all requests together may hold: a quarter of the machine, or eight of the largest requests if
    that is
    less; in any case room for one of the largest and its answer."""
    return max(2 * max_request, min(8 * max_request, _machine_memory() // 4))


def _machine_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 8 * GIGABYTE
