"""Nuke's script format, written and read: nodes with knobs, in the quoting of Tcl.

Kind {
 knob value
 other "a value with spaces, \\\\[brackets] and \\\\"quotes\\\\""
}
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from understudy.errors import UnderstudyError

BARE = re.compile(r"[\w./:,+@~^-][\w./:,+@~^#%=!?&*-]*\Z")
ESCAPED = frozenset('\\"[]{}$')
END_GROUP = "end_group"
COMMANDS = ("define_window_layout_xml", "version", "push", "set", "add_layer", "clone")
SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
LONG = {"n": "\n", "t": "\t", "r": "\r"}


class ScriptError(UnderstudyError):
    """A text that is no Nuke script."""


@dataclass(frozen=True)
class Raw:
    """A value that stands in braces, as user knobs are declared: balanced, and not quoted again."""

    text: str


Value = str | Raw


@dataclass(frozen=True)
class Node:
    """One node: its class and its knobs in order. A knob may come twice, as addUserKnob does. What stands
    between a Group and an ``END_GROUP``, which has no knobs, is in the group."""

    kind: str
    knobs: tuple[tuple[str, Value], ...]

    def knob(self, name: str) -> str:
        """The text of the first knob of that name; KeyError when there is none."""
        for key, value in self.knobs:
            if key == name:
                return value.text if isinstance(value, Raw) else value
        raise KeyError(name)


def quote(text: str) -> str:
    """A value as one word: bare where that is safe, else in quotes with everything of Tcl's escaped."""
    if BARE.match(text):
        return text
    return '"' + "".join(SHORT.get(c) or ("\\" + c if c in ESCAPED else c) for c in text) + '"'


def write_script(nodes: Sequence[Node], head: str = "") -> str:
    """The nodes as a script; ``head`` is a comment for its first line."""
    lines = [f"# {head}"] if head else []
    for node in nodes:
        if node.kind == END_GROUP:
            lines.append(END_GROUP)
            continue
        lines.append(node.kind + " {")
        lines += [f" {name} {_written(value)}" for name, value in node.knobs]
        lines.append("}")
    return "\n".join(lines) + "\n"


def _written(value: Value) -> str:
    return "{" + value.text + "}" if isinstance(value, Raw) else quote(value)


def read_script(text: str) -> tuple[Node, ...]:
    """The nodes of a script. Commands that are no nodes (version, push, set) are passed over. ScriptError."""
    found = []
    for words in _commands(text):
        body = words[1] if len(words) == 2 else ""
        if words == [END_GROUP]:
            found.append(Node(END_GROUP, ()))
        if isinstance(body, Raw) and "\n" in body.text and words[0] not in COMMANDS:
            found.append(Node(_plain(words[0]), _knobs(body.text)))
    return tuple(found)


def _knobs(body: str) -> tuple[tuple[str, Value], ...]:
    knobs = []
    for words in _commands(body):
        if len(words) < 2:
            raise ScriptError("A knob has no value.", found=_plain(words[0]))
        rest = words[1] if len(words) == 2 else " ".join(_plain(word) for word in words[1:])
        knobs.append((_plain(words[0]), rest))
    return tuple(knobs)


def _plain(word: Value) -> str:
    return word.text if isinstance(word, Raw) else word


def _commands(text: str) -> Iterator[list[Value]]:
    """Lines of words; a line ends at a newline or ; that is in no quotes and no braces."""
    position = 0
    words: list[Value] = []
    while position < len(text):
        c = text[position]
        if c in "\n;":
            if words:
                yield words
            position, words = position + 1, []
        elif c.isspace():
            position += 1
        elif c == "#" and not words:
            position = _line_end(text, position)
        else:
            word, position = _word(text, position)
            words.append(word)
    if words:
        yield words


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _word(text: str, position: int) -> tuple[Value, int]:
    if text[position] == "{":
        return _braced(text, position)
    if text[position] == '"':
        return _quoted(text, position)
    end = position
    made = []
    while end < len(text) and not text[end].isspace() and text[end] != ";":
        piece, end = _character(text, end)
        made.append(piece)
    return "".join(made), end


def _braced(text: str, position: int) -> tuple[Raw, int]:
    depth, end = 0, position
    while end < len(text):
        if text[end] == "\\":
            end += 2
            continue
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        end += 1
        if depth == 0:
            return Raw(text[position + 1 : end - 1]), end
    raise ScriptError("A brace is never closed.", found=text[position : position + 40])


def _quoted(text: str, position: int) -> tuple[str, int]:
    made: list[str] = []
    end = position + 1
    while end < len(text):
        if text[end] == '"':
            return "".join(made), end + 1
        piece, end = _character(text, end)
        made.append(piece)
    raise ScriptError("A quote is never closed.", found=text[position : position + 40])


def _character(text: str, position: int) -> tuple[str, int]:
    """One character, or what an escape stands for, and the place after it."""
    if text[position] != "\\" or position + 1 == len(text):
        return text[position], position + 1
    following = text[position + 1]
    return LONG.get(following, following), position + 2


def literal(path: str) -> str:
    """A path as text for a file knob, which would run what stands in brackets: taken as it is written."""
    return "".join("\\" + c if c in "\\[]$" else c for c in path)
