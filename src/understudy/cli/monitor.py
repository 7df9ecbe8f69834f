"""understudy monitor"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from understudy.monitor.server import ListenAddress


def command(
    data_directory: Path,
    /,
    *,
    footage: tuple[Path, ...] = (),
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=lambda _, value: _port(value))] = 8420,
    token: str | None = None,
    follow_links: Annotated[bool, Parameter(negative=())] = False,
    root_path: str = "",
) -> int:
    """Watch, compare, steer and start training from a page, and by a JSON API beside it.

    Parameters
    ----------
    data_directory
        The folder that holds the runs; made when it does not exist.
    footage
        A folder whose plates may be looked at and trained on; may be given several times. Without it, the
        folder of the command's start.
    host
        Address to listen on. Other than a loopback address, a token is needed, which is printed.
    port
        Port to listen on; 0 takes a free one.
    token
        The token to be asked for, instead of a new one.
    follow_links
        Links in the data directory and the footage folders may lead out of them, as those of published
        sequences do. Without it such links are refused.
    root_path
        The path below which a proxy serves the monitor, such as /understudy.
    """
    from understudy.monitor.server import serve

    serve(
        data_directory,
        footage or (Path.cwd(),),
        host,
        port,
        token,
        _print_address,
        follow_links=follow_links,
        root_path=root_path,
    )
    return 0


def _port(value: int) -> None:
    if not 0 <= value <= 65535:
        raise ValueError("a port lies between 0 and 65535")


def _print_address(listening: ListenAddress) -> None:
    print(f"Runs in {listening.data_directory}")
    print(f"Open {listening.address}")
    print("Ctrl-C ends the monitor; what trains goes on.", flush=True)
