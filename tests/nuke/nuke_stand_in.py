"""A small stand-in for Nuke's Python: as much of ``nuke`` and ``nukescripts`` as the plug-in uses.

It follows the public documentation of Nuke's Python, not a real Nuke.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from understudy.export.nk import Raw, read_script


class Knob:
    def __init__(self, name: str = "", label: str = "", value: Any = "") -> None:
        self.name, self.label, self.presses = name, label, 0
        self._value = value

    def value(self) -> Any:
        return self._value

    def setValue(self, value: Any) -> None:
        self._value = value

    def execute(self) -> None:
        self.presses += 1

    def setAnimated(self) -> None:
        self.keys: dict[int, float] = {}

    def clearAnimated(self) -> None:
        self.keys = {}

    def setValueAt(self, value: float, frame: int) -> None:
        self.keys[frame] = value


class Enumeration(Knob):
    def __init__(self, name: str, label: str, values: list[str]) -> None:
        super().__init__(name, label, values[0])
        self.values = values


class Node:
    def __init__(self, kind: str, name: str, knobs: dict[str, Any] | None = None) -> None:
        self.kind, self._name = kind, name
        self.knobs = {key: Knob(key, value=value) for key, value in (knobs or {}).items()}
        self.inputs: list[Node] = []
        self.inside: list[Node] = []
        self.linked: dict[str, str] = {}

    def Class(self) -> str:
        return self.kind

    def name(self) -> str:
        return self._name

    def height(self) -> int:
        """Of its format."""
        return int(self.knobs["height"].value()) if "height" in self.knobs else 0

    def knob(self, name: str) -> Knob | None:
        return self.knobs.get(name)

    def input(self, number: int) -> Node | None:
        return self.inputs[number] if number < len(self.inputs) else None

    def addKnob(self, knob: Knob) -> None:
        self.knobs[knob.name] = knob

    def __getitem__(self, name: str) -> Knob:
        return self.knobs[name]


class Menu:
    def __init__(self) -> None:
        self.items: dict[str, Any] = {}

    def addMenu(self, name: str, icon: str = "") -> Menu:
        return self.items.setdefault(name, Menu())

    def addCommand(self, name: str, function: Callable[[], Any]) -> None:
        self.items[name] = function

    def addSeparator(self) -> None:
        pass


class Undo:
    depth = 0

    @classmethod
    def disable(cls) -> None:
        cls.depth += 1

    @classmethod
    def enable(cls) -> None:
        cls.depth -= 1


WRITE_KNOBS = ("file", "file_type", "datatype", "raw", "channels")
KNOBS = {
    "CatFileCreator": ("torchScriptFile", "catFile", "channelsIn", "channelsOut", "modelId", "create", "mix"),
    "Inference": ("modelFile",),
    "MLClient": ("host", "port", "connect"),
    "Read": ("file", "first", "last"),
}


class Nuke(ModuleType):
    """The module ``nuke``. What happened is in ``messages``, ``rendered`` and ``nodes_there``."""

    def __init__(self, render: Callable[[Node, str, int], None]) -> None:
        super().__init__("nuke")
        self.messages: list[str] = []
        self.rendered: list[tuple[str, str, int]] = []
        self.nodes_there: list[Node] = []
        self.layers: dict[str, list[str]] = {}
        self.chosen: list[Node] = []
        self.answer: str | None = None
        self.main_menu = Menu()
        self.Undo = Undo
        self.nodes = self
        self._render = render
        self.String_Knob = self.File_Knob = self.Text_Knob = self.PyScript_Knob = Knob
        self.Double_Knob = Knob
        self.XY_Knob = lambda name, label: Knob(name, label, [0.0, 0.0])
        self.BBox_Knob = lambda name, label: Knob(name, label, [0.0, 0.0, 0.0, 0.0])
        self.Boolean_Knob = lambda name, label: Knob(name, label, False)
        self.Enumeration_Knob = Enumeration

    def menu(self, name: str) -> Menu:
        assert name == "Nuke"
        return self.main_menu

    def message(self, text: str) -> None:
        self.messages.append(text)

    def getFilename(self, message: str, pattern: str | None = None) -> str | None:
        return self.answer

    def filename(self, node: Node) -> str:
        return node["file"].value()

    def selectedNodes(self) -> list[Node]:
        return self.chosen

    def allNodes(self) -> list[Node]:
        return list(self.nodes_there)

    def root(self) -> Node:
        return Node("Root", "root", {"workingSpaceLUT": "linear"})

    def frame(self) -> int:
        return 1001

    def Write(self, inputs: list[Node]) -> Node:
        node = Node("Write", "Write1", dict.fromkeys(WRITE_KNOBS, ""))
        node.inputs = inputs
        self.nodes_there.append(node)
        return node

    def Copy(self, inputs: list[Node]) -> Node:
        node = Node("Copy", "Copy1", {f"{side}{place}": "" for place in range(4) for side in ("from", "to")})
        node.inputs = inputs
        self.nodes_there.append(node)
        return node

    def Layer(self, name: str, channels: list[str]) -> None:
        self.layers[name] = channels

    def delete(self, node: Node) -> None:
        self.nodes_there.remove(node)

    def execute(self, node: Node, first: int, last: int, step: int) -> None:
        for frame in range(first, last + 1, step):
            path = node["file"].value().replace("\\", "").replace("####", f"{frame:04d}")
            self.rendered.append((node.inputs[0].name(), node["channels"].value(), frame))
            self._render(node.inputs[0], path, frame)

    def executeInMainThread(self, call: Callable[..., Any], args: tuple[Any, ...] = ()) -> None:
        call(*args)

    def createNode(self, kind: str) -> Node:
        if kind not in KNOBS:
            raise RuntimeError(f"{kind}: Unknown command")
        node = Node(kind, kind + "1", dict.fromkeys(KNOBS[kind], ""))
        self.nodes_there.append(node)
        return node

    def nodePaste(self, path: str) -> None:
        group: Node | None = None
        for found in read_script(Path(path).read_text("utf-8")):
            if found.kind == "end_group":
                group = None
                continue
            values = dict.fromkeys(KNOBS.get(found.kind, ()), "")
            values |= {name: value for name, value in found.knobs if isinstance(value, str)}
            node = Node(found.kind, found.knob("name"), values)
            node.linked = {name: value.text for name, value in found.knobs if isinstance(value, Raw)}
            (self.nodes_there if group is None else group.inside).append(node)
            group = node if found.kind == "Group" else group


class PythonPanel:
    """The class of ``nukescripts``. ``accept`` says what the artist does with a modal panel."""

    accept: Callable[[Any], bool] = staticmethod(lambda panel: True)

    def __init__(self, title: str, identity: str) -> None:
        self.title, self.identity, self.knobs_there, self.shown_count = title, identity, [], 0

    def addKnob(self, knob: Knob) -> None:
        self.knobs_there.append(knob)

    def showModalDialog(self) -> bool:
        return type(self).accept(self)

    def show(self) -> None:
        self.shown_count += 1
