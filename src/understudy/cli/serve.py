"""understudy serve"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from understudy.cli.on_flag import On, ray_address
from understudy.errors import MissingPackageError, SettingError

if TYPE_CHECKING:
    from understudy.server.serving import Listening


def command(
    *models: Path,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=lambda _, value: _port(value))] = 55555,
    http_port: Annotated[int, Parameter(validator=lambda _, value: _port(value))] = 8000,
    grpc_port: Annotated[int | None, Parameter(validator=lambda _, value: _port(value or 0))] = None,
    devices: str = "auto",
    max_request: str = "1GB",
    token_file: Path | None = None,
    tokens: Path | None = None,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    audit: Path | None = None,
    patience: str = "10s",
    on: On = None,
    replicas: str = "1..8",
    new_model: str | None = None,
) -> int:
    """Serve networks live to the compositing program, by the ML-Server protocol and by KServe v2.

    Without MODELS the built-in ones are served: Gaussian Blur, Motion Vectors and the networks that come
    trained.

    Parameters
    ----------
    models
        .cat files, runs, ONNX and TorchScript files, Python models, folders of these, which are watched, and
        names of networks that come trained (understudy models lists them).
    host
        Address to listen on. Other than a loopback address, the HTTP endpoint needs --token-file or --tokens.
    port
        Port of the ML-Server endpoint, which Nuke's MLClient connects to; 0 takes a free one.
    http_port
        Port of the HTTP endpoint; 0 takes a free one.
    grpc_port
        Open a gRPC endpoint (KServe v2) on this port as well; 0 takes a free one.
    devices
        Where networks run: auto, cpu, cuda, cuda:1, mps.
    max_request
        The largest request that is taken, such as 512MB or 1GB.
    token_file
        File with the token of the HTTP endpoint; made, with a new token, when it does not exist.
    tokens
        A TOML file of several tokens with their names, and which models and how many requests each is for;
        read again when it changes.
    tls_cert
        Encrypt the HTTP endpoint with this certificate (PEM, with the chain); read again when it changes.
    tls_key
        The key of the certificate (PEM, without a password).
    audit
        Append a line of JSON to this file for each request, of both endpoints.
    patience
        Idle timeout: how long a silent client is waited for, such as 10s.
    replicas
        With --on: how many processes answer, such as 4, or 1..8, by how much is asked.
    new_model
        Write a working Python model of this name into ./models and end.
    """
    if new_model is not None:
        from understudy.server.template import write_template

        print(write_template(new_model, Path("models")))
        return 0
    settings = dict(models=models, host=host, port=port, http_port=http_port, devices=devices)
    settings |= dict(tokens=tokens, audit=audit, tls=_both(tls_cert, tls_key), grpc_port=grpc_port)
    return _serve(settings, max_request, token_file, patience, on, replicas)


command.usage = "[MODELS...] [OPTIONS]"  # type: ignore[attr-defined]


def _serve(
    settings: dict[str, Any],
    max_request: str,
    token_file: Path | None,
    patience: str,
    on: str | None,
    replicas: str,
) -> int:
    from understudy.durations import parse_duration
    from understudy.server.sizes import parse_size

    settings |= {"max_request": parse_size(max_request), "patience": parse_duration(patience)}
    try:
        from understudy.server.serving import serve
        from understudy.server.state import ServerSettings
    except ImportError as error:
        raise MissingPackageError(
            "The server needs a package that is not installed.",
            found=str(error),
            remedy='pip install "understudy[server]"',
        ) from error
    if token_file is not None:
        from understudy.server.token import read_or_make_token

        settings["token"] = read_or_make_token(token_file)
    with _replicated(on, replicas, settings["devices"]) as more:
        serve(ServerSettings(**settings), _say, **more)
    return 0


@contextmanager
def _replicated(on: str | None, replicas: str, devices: str) -> Iterator[dict[str, Any]]:
    """What ``serve`` is given so that other processes answer."""
    if on is None:
        yield {}
        return
    from understudy.cluster.ray.cluster import connected
    from understudy.cluster.ray.serving import ReplicaPool, replicate
    from understudy.server.log import ServerLog

    least, most = _range_of(replicas)
    log = ServerLog()
    with connected(ray_address(on)) as cluster:
        accelerators = int(devices != "cpu" and any(node.accelerators for node in cluster.nodes()))
        pool = ReplicaPool(cluster, log, least, most, devices, accelerators)
        try:
            yield {"log": log, "replicate": replicate(pool)}
        finally:
            pool.close()


def _range_of(text: str) -> tuple[int, int]:
    """``4`` and ``1..8`` as the least and the most."""
    found = re.fullmatch(r"(\d{1,4})(?:\.\.(\d{1,4}))?", text)
    least = int(found[1]) if found else 0
    most = int(found[2] or found[1]) if found else 0
    if not 1 <= least <= most <= 1024:
        raise SettingError(
            "This is no number of replicas.", expected="such as 4 or 1..8", found=text, where="--replicas"
        )
    return least, most


def _both(certificate: Path | None, key: Path | None) -> tuple[Path, Path] | None:
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise SettingError(
            "A certificate is nothing without its key.",
            expected="--tls-cert FILE and --tls-key FILE",
            found="one of them",
        )
    return certificate, key


def _port(value: int) -> None:
    if not 0 <= value <= 65535:
        raise ValueError("a port lies between 0 and 65535")


def _say(listening: Listening) -> None:
    host = f"[{listening.host}]" if ":" in listening.host else listening.host
    print(f"Models: {', '.join(listening.models) or 'none yet'}")
    print(f"ML-Server (Nuke's MLClient): {host}, port {listening.port}")
    url = f"{'https' if listening.encrypted else 'http'}://{host}:{listening.http_port}"
    print(f"HTTP (KServe v2), with its description at {url}/docs", flush=True)
    if listening.grpc_port is not None:
        print(f"gRPC (KServe v2): {host}:{listening.grpc_port}", flush=True)
