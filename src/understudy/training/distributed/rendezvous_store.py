"""The rendezvous store of processes started by torchrun or a farm: a TCPStore at the address of process 0.

The address is checked before torch uses it: torch alone retries a wrong address for a quarter of an hour,
ignores signals meanwhile, and then reports an error of its own.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import queue
import secrets
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import torch.distributed as dist

from understudy.errors import SettingError, UnderstudyError
from understudy.training.distributed.lost_worker import Stopped, first_line, join_error
from understudy.training.distributed.rendezvous import JOIN_SECONDS, REPORT_AFTER_SECONDS
from understudy.training.distributed.role import Role

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 10.0  # a store answers at once, but its machine may be busy
POLL_SECONDS = 0.2
LOOPBACK = "127.0.0.1"


def hosts_store(role: Role) -> bool:
    """Whether this process hosts the store: process 0 does, unless torchrun hosts it."""
    return role.rank == 0 and (role.farm or os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True")


def open_store(role: Role, stop: Any, say: Callable[[str], None]) -> dist.Store:
    """The store for the rendezvous. SettingError for a wrong address or port, UnderstudyError when process 0
    does not answer in time, Stopped when ``stop`` becomes true first."""
    addresses = _addresses(role)
    store = _open_here(role, addresses) if hosts_store(role) else _find(role, stop, say)
    return dist.PrefixStore(f"understudy/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)


def _addresses(role: Role) -> list[tuple[Any, Any]]:
    """Each address of process 0, as (family, address)."""
    try:
        found = socket.getaddrinfo(role.address, role.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SettingError(
            "The address of process 0 is not known on this machine.",
            expected="a name that this machine can look up, or an IP address",
            found=f"{role.address} ({getattr(error, 'strerror', None) or 'not a name of a machine'})",
            where=role.names[0],
            remedy=f"Correct {role.names[0]}, or set it to the IP address of the machine of process 0.",
        ) from error
    return [(family, address) for family, _, _, _, address in found]


# -- process 0 ------------------------------------------------------------------------------------------


def _open_here(role: Role, addresses: list[tuple[Any, Any]]) -> dist.TCPStore:
    _refuse_taken_port(role)
    # The store listens on every network interface; process 0 itself connects through the loopback.
    try:
        store = _store(LOOPBACK, role.port, JOIN_SECONDS, is_master=True)
    except RuntimeError as error:
        raise _no_port(role, first_line(error)) from error
    if not any(_is_of_this_machine(*each) for each in addresses) and not _leads_to_this_process(role, store):
        raise SettingError(
            "The address of process 0 is not one of the machine that process 0 runs on.",
            expected="a name or address of this machine, under which the other machines reach it",
            found=f"{role.address}, which does not lead here",
            where=role.names[0],
            remedy=f"Correct {role.names[0]}, in the same way for every process, or start process 0 there.",
        )
    return store


def _refuse_taken_port(role: Role) -> None:
    try:
        socket.create_server(("", role.port)).close()
    except OSError as error:
        raise _no_port(role, (error.strerror or str(error)).split(" (")[0]) from error


def _no_port(role: Role, why: str) -> SettingError:
    return SettingError(
        "The port of process 0 cannot be opened on this machine.",
        expected="a port that nothing else uses: no other training, and no other program",
        found=f"port {role.port}: {why}",
        where=role.names[1],
        remedy=f"Choose another {role.names[1]}, the same for every process, or end what uses this one.",
    )


def _is_of_this_machine(family: Any, address: Any) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((address[0], 0, *address[2:]))
    except OSError:
        return False
    return True


def _leads_to_this_process(role: Role, store: dist.TCPStore) -> bool:
    """Whether the address reaches this process by another route, as the address of a service in front of a
    container does."""
    token = secrets.token_hex(8)
    store.set("token", token)
    with contextlib.suppress(UnderstudyError, RuntimeError):
        other = _connect(role, False) if _is_listening(role) else None
        return other is not None and other.check(["token"]) and other.get("token").decode() == token
    return False


# -- the others -----------------------------------------------------------------------------------------


def _find(role: Role, stop: Any, say: Callable[[str], None]) -> dist.TCPStore:
    """Connect to the store of process 0 as soon as it is open."""
    began, said = time.monotonic(), False
    while not stop:
        if _is_listening(role):
            with contextlib.suppress(RuntimeError):  # closed again: process 0 has just ended
                return _connect(role, stop)
        waited = time.monotonic() - began
        if waited > JOIN_SECONDS:
            found = f"nobody at {role.address}, port {role.port}"
            raise join_error(found, ", ".join(role.names))
        if not said and waited > REPORT_AFTER_SECONDS:
            said = True
            say(f"Waiting for process 0 at {role.address}, port {role.port}.")
        time.sleep(POLL_SECONDS)
    raise Stopped


def _is_listening(role: Role) -> bool:
    """Whether anything listens at the address and port of process 0."""
    try:
        socket.create_connection((role.address, role.port), CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def _connect(role: Role, stop: Any) -> dist.TCPStore:
    """Connect to the store of process 0. RuntimeError when it closes the connection, SettingError when what
    listens there does not answer like a store. The connection is made in a thread, as torch would wait for
    that answer for ever."""
    answers: queue.SimpleQueue[dist.TCPStore | RuntimeError] = queue.SimpleQueue()

    def connect() -> None:
        try:
            answers.put(_store(role.address, role.port, ANSWER_SECONDS))
        except RuntimeError as error:
            answers.put(error)

    threading.Thread(target=connect, name="connect", daemon=True).start()
    until = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < until:
        if stop:
            raise Stopped
        with contextlib.suppress(queue.Empty):
            answer = answers.get(timeout=POLL_SECONDS)
            if isinstance(answer, RuntimeError):
                raise answer
            answer.set_timeout(datetime.timedelta(seconds=JOIN_SECONDS))
            return answer
    raise SettingError(
        "What listens at the address of process 0 is something else.",
        expected="process 0 of this training",
        found=f"no answer from {role.address}, port {role.port}",
        where=", ".join(role.names),
        remedy=f"Correct them, or choose another {role.names[1]} for every process, if that one is taken.",
    )


def _store(address: str, port: int, seconds: float, is_master: bool = False) -> dist.TCPStore:
    return dist.TCPStore(
        address,
        port,
        is_master=is_master,
        timeout=datetime.timedelta(seconds=seconds),
        wait_for_workers=False,
    )
