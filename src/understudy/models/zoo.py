"""The networks that come trained: one small .cat each in the folder beside this file, NAME.cat.

NAME-start.cat is what a training begins from by that name, where it is another network than the one that is
applied, as a training keeps the size of the frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from understudy.models.names import is_plain_name
from understudy.network.card import ModelCard
from understudy.network.model_file import ModelHeader, read_header

FOLDER = Path(__file__).with_name("zoo")
"""Where they lie. Tests put a folder with small ones of their own in its place."""

START = "-start"


@dataclass(frozen=True)
class ZooModel:
    """One of them: its file, what that says of itself, and its card. ``bytes``: the size of the file."""

    path: Path
    header: ModelHeader
    card: ModelCard

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def bytes(self) -> int:
        return self.path.stat().st_size

    @property
    def is_network(self) -> bool:
        """Whether it is applied and served as it is."""
        return "network" in self.card.kind

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that it takes beside the plate, such as albedo and normal."""
        return tuple(extra.name for extra in self.header.extra if not extra.offset)

    @property
    def is_start(self) -> bool:
        """Whether a training can begin from it."""
        return "start" in self.card.kind


def zoo_models() -> tuple[ZooModel, ...]:
    """All of them, by name. ModelFileError for one that is damaged."""
    return tuple(filter(None, map(_read, _files())))


def zoo_networks() -> tuple[ZooModel, ...]:
    """Those that are applied and served as they are."""
    return tuple(each for each in zoo_models() if each.is_network)


def zoo_starts() -> dict[str, ZooModel]:
    """Those that a training can begin from, by the name that it asks for them by."""
    starts = {each.name.removesuffix(START): each for each in zoo_models() if each.is_start}
    return dict(sorted(starts.items()))


def zoo_names() -> tuple[str, ...]:
    """What they can be asked for by."""
    return tuple(path.stem for path in _files())


def zoo_model(name: str, start: bool = False) -> ZooModel | None:
    """The one of this name, or, as a ``start``, the one that a training by this name begins from; None where
    there is none."""
    if not is_plain_name(name):
        return None
    for stem in (f"{name}{START}", name) if start else (name,):
        path = FOLDER / f"{stem}.cat"
        found = _read(path) if path.is_file() else None
        if found is not None:
            return found
    return None


def zoo_model_with_layers(name: str) -> ZooModel | None:
    """Beside the network ``name``, which takes the plate alone, the one of that name that takes layers too:
    NAME-renders beside NAME. None where there is none."""
    if zoo_model(name) is None:
        return None
    beside = (zoo_model(each) for each in zoo_names() if each.startswith(f"{name}-"))
    return next((each for each in beside if each and each.is_network and each.layers), None)


def _files() -> list[Path]:
    return sorted(FOLDER.glob("*.cat"), key=lambda path: path.stem) if FOLDER.is_dir() else []


def _read(path: Path) -> ZooModel | None:
    """A file without a card is none of them."""
    header = read_header(path)
    return ZooModel(path, header, header.card) if header.card else None
