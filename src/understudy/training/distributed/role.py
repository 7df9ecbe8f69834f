"""The role of this process among those that torchrun or a farm has started, read from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from understudy.errors import SettingError

TORCHRUN = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
COPYCAT = ("COPYCAT_RANK", "COPYCAT_WORLD_SIZE", "COPYCAT_MAIN_ADDR", "COPYCAT_MAIN_PORT")
MOST_PROCESSES = 4096


@dataclass(frozen=True)
class Role:
    """``rank`` of ``world_size`` processes; process 0 hosts the rendezvous at ``address`` and ``port``.
    ``local_rank`` of ``local_world_size`` on this machine. ``farm``: the variables were CopyCat's, not
    torchrun's."""

    rank: int
    world_size: int
    address: str
    port: int
    local_rank: int = 0
    local_world_size: int = 1
    farm: bool = False
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, str]:
        """The names of the variables that hold the address and the port."""
        _, _, address, port = COPYCAT if self.farm else TORCHRUN
        return address, port


def find_role(environment: Mapping[str, str]) -> Role | None:
    """The role that the environment gives, or None. SettingError when variables are missing or wrong."""
    given = [name for name in COPYCAT if environment.get(name)]
    if given:
        return _copycat_role(environment, given)
    if not all(environment.get(name) for name in TORCHRUN):
        _refuse_incomplete(environment)
        return None
    local_world_size = _number(environment, "LOCAL_WORLD_SIZE", 1, MOST_PROCESSES, "1")
    return _role(
        environment,
        TORCHRUN,
        local_rank=_number(environment, "LOCAL_RANK", 0, MOST_PROCESSES, "0"),
        local_world_size=local_world_size,
    )


def _refuse_incomplete(environment: Mapping[str, str]) -> None:
    """SettingError when torchrun's variables name several processes but not how they connect: each would
    train a network of its own. Variables that other programs set are ignored: an address or a port alone,
    one process of one, or RANK alone."""
    given = [name for name in TORCHRUN if environment.get(name)]
    rank, world_size = (environment.get(name, "") for name in TORCHRUN[:2])
    is_of_several = world_size.isdecimal() and int(world_size) > 1
    is_another = rank.isdecimal() and int(rank) > 0 and len(given) > 1
    if is_of_several or is_another:
        raise _incomplete("torchrun's", TORCHRUN, given)


def _incomplete(whose: str, names: tuple[str, ...], given: list[str]) -> SettingError:
    return SettingError(
        f"Training on several machines needs all of {whose} variables, or none.",
        expected=", ".join(names),
        found=f"no {', '.join(name for name in names if name not in given)}",
        where="the environment",
        remedy="Set what is missing, or unset the others to train on this machine alone.",
    )


def _copycat_role(environment: Mapping[str, str], given: list[str]) -> Role:
    if len(given) < len(COPYCAT):
        raise _incomplete("CopyCat's", COPYCAT, given)
    notes = []
    if environment.get("COPYCAT_SYNC_INTERVAL", "1") != "1":
        notes.append("COPYCAT_SYNC_INTERVAL is not needed: gradients are exchanged in every step.")
    if environment.get("COPYCAT_LOCAL_ADDR"):
        notes.append(
            "COPYCAT_LOCAL_ADDR is not used: GLOO_SOCKET_IFNAME names the network card, where needed."
        )
    return _role(environment, COPYCAT, farm=True, notes=tuple(notes))


def _role(environment: Mapping[str, str], names: tuple[str, ...], **more: Any) -> Role:
    rank, world_size, address, port = names
    count = _number(environment, world_size, 1, MOST_PROCESSES)
    role = _number(environment, rank, 0, count - 1)
    return Role(role, count, environment[address], _number(environment, port, 1, 65535), **more)


def _number(environment: Mapping[str, str], name: str, least: int, most: int, default: str = "") -> int:
    text = environment.get(name, default)
    if text.isdecimal() and least <= int(text) <= most:
        return int(text)
    raise SettingError(
        "A variable for training on several machines makes no sense.",
        expected=f"a whole number from {least} to {most}",
        found=text,
        where=name,
        remedy="Correct it, or unset it to train on this machine alone.",
    )


def is_worker() -> bool:
    """Whether this process is a worker of a training that another process leads."""
    role = find_role(os.environ)
    return role is not None and role.rank > 0
