"""The set of models: names that are unique, labels that are unique, pinned ones first, then the newest."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, replace

from understudy.models.names import printable
from understudy.server.models.served import ModelDown, ServedModel, UnknownModel


@dataclass(eq=False)
class Entry:
    """A model in its place: pinned (named on the command line) or not, and when it came."""

    model: ServedModel
    pinned: bool
    order: int


class Registry:
    """Models by name. Safe to use from all threads."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._lock = threading.Lock()
        self._order = itertools.count()

    def add(self, model: ServedModel, pinned: bool = False) -> ServedModel:
        """Take a model in; its name and label get a number when they are taken."""
        with self._lock:
            name = _free(model.description.name, set(self._entries), "_")
            self._entries[name] = Entry(model, pinned, next(self._order))
            self._settle()
        return model

    def replace(self, old: ServedModel, new: ServedModel) -> None:
        """Put a newer model in the place of an old one, under the same name."""
        with self._lock:
            entry = self._entries[old.description.name]
            self._entries[old.description.name] = Entry(new, entry.pinned, next(self._order))
            self._settle()

    def _settle(self) -> None:
        """Names and labels as they are unique here. A model may learn its label later, so this is done
        again.
        """
        labels: set[str] = set()
        for name, entry in self._entries.items():
            description = entry.model.description
            label = _free(description.label, labels, " ")
            labels.add(label)
            if (description.name, description.label) != (name, label):
                entry.model.description = replace(description, name=name, label=label)

    def remove(self, model: ServedModel) -> None:
        with self._lock:
            self._entries.pop(model.description.name, None)

    def listed(self) -> list[ServedModel]:
        """All models: pinned ones first in the order they were named, then the newest first."""
        with self._lock:
            self._settle()
            entries = list(self._entries.values())
        pinned = sorted((entry for entry in entries if entry.pinned), key=lambda entry: entry.order)
        others = sorted((entry for entry in entries if not entry.pinned), key=lambda entry: -entry.order)
        return [entry.model for entry in pinned + others]

    def find(self, name: str) -> ServedModel | None:
        """The model of this name, or of this label."""
        with self._lock:
            entry = self._entries.get(name)
        if entry is not None:
            return entry.model
        return next((model for model in self.listed() if model.description.label == name), None)

    def get(self, name: str) -> ServedModel:
        """The model of this name, ready to run; ``UnknownModel`` or ``ModelDown`` say what is wrong."""
        model = self.find(name)
        if model is None:
            has = ", ".join(each.description.name for each in self.listed()[:12]) or "none"
            raise UnknownModel(f'There is no model "{printable(name)}". Models here: {has}.')
        if model.state not in ("ready", "starting"):
            label, why = model.description.label, model.trouble or "try again later"
            raise ModelDown(f'The model "{label}" is {model.state}: {why}')
        return model


def _free(wanted: str, taken: set[str], joint: str) -> str:
    if wanted not in taken:
        return wanted
    return next(name for number in itertools.count(2) if (name := f"{wanted}{joint}{number}") not in taken)
