"""Draws the rooms of the program and which of them import which, as the code has it now, into an SVG.

    python tools/draw_house.py                 docs/pictures/house.svg
    python tools/draw_house.py other.svg

A room is a folder of ``src/understudy``, or a file beside them. It stands a floor above the highest room that
it imports from, so every arrow points down; one of a circle points up, and is red. Only arrows are drawn
that no way over other rooms tells already.
"""

from __future__ import annotations

import ast
import html
import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "src" / "understudy"
PICTURE = REPOSITORY / "docs" / "pictures" / "house.svg"
FACE = "understudy"

Graph = dict[str, set[str]]

WIDTH, MARGIN, GAP = 1280, 24, 18
ROOM_HEIGHT, FLOOR_HEIGHT = 84, 132
CHARACTERS = 7.0  # pixels for one of them, about, in the small type


def imports() -> Graph:
    """Room -> the rooms that any of its files imports from, however late."""
    graph: Graph = {room_of(path): set() for path in sources()}
    for path in sources():
        room = room_of(path)
        for module in imported(path):
            other = _room_of_module(module)
            if other != room:
                graph[room].add(other)
    return graph


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    if len(parts) > 1:
        return parts[0]
    return FACE if path.stem == "__init__" else path.stem


def imported(path: Path) -> Iterator[str]:
    """The modules of this program that a file imports, as names with dots."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == PACKAGE.name)


def _room_of_module(module: str) -> str:
    name = module.split(".")[1] if "." in module else FACE
    return name if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file() else FACE


def floors(graph: Graph) -> dict[str, int]:
    """The floor of each room: one above the highest that it imports from, 0 for those that need none."""
    found: dict[str, int] = {}

    def floor(room: str, above: tuple[str, ...]) -> int:
        if room not in found:
            below = [floor(other, (*above, room)) for other in sorted(graph[room]) if other not in above]
            found[room] = max(below, default=-1) + 1
        return found[room]

    for room in sorted(graph):
        floor(room, (room,))
    return found


def needed(graph: Graph) -> list[tuple[str, str]]:
    """The arrows that no way over other rooms tells already."""
    arrows = []
    for room, others in graph.items():
        implied = set().union(*(reached(graph, other) - {other} for other in others))
        arrows += [(room, other) for other in sorted(others - implied)]
    return sorted(arrows)


def reached(graph: Graph, start: str) -> set[str]:
    seen, left = set(), [start]
    while left:
        room = left.pop()
        if room not in seen:
            seen.add(room)
            left += graph[room]
    return seen


def told(room: str) -> str:
    """The first sentence of what a room says of itself."""
    path = PACKAGE / "__init__.py" if room == FACE else PACKAGE / room / "__init__.py"
    path = path if path.is_file() else PACKAGE / f"{room}.py"
    text = " ".join(
        (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0].split()
    )
    return text.partition(". ")[0].rstrip(".").replace("``", "")


def inside(room: str) -> list[str]:
    """The folders within a room that are rooms of their own."""
    return sorted(path.parent.name for path in (PACKAGE / room).glob("*/__init__.py"))


def rows(graph: Graph) -> list[list[str]]:
    """The rooms by floor, the roof first; within a floor those that much stands on in the middle."""
    by_floor: dict[int, list[str]] = defaultdict(list)
    for room, floor in floors(graph).items():
        by_floor[floor].append(room)
    weight = {room: sum(room in others for others in graph.values()) for room in graph}
    return [
        _middle_first(sorted(by_floor[n], key=lambda r: (-weight[r], r)))
        for n in sorted(by_floor, reverse=True)
    ]


def _middle_first(rooms: list[str]) -> list[str]:
    return [*reversed(rooms[1::2]), *rooms[::2]]


def draw(graph: Graph) -> str:
    """The picture as the text of an SVG."""
    plan = rows(graph)
    place = {room: spot for row, rooms in enumerate(plan) for room, spot in _spots(rooms, row)}
    height = 2 * MARGIN + FLOOR_HEIGHT * len(plan) - (FLOOR_HEIGHT - ROOM_HEIGHT)
    arrows = [_arrow(place[a], place[b]) for a, b in needed(graph)]
    boxes = [_box(room, *place[room]) for rooms in plan for room in rooms]
    return "\n".join([HEAD.format(width=WIDTH, height=height), *arrows, *boxes, "</svg>", ""])


def _spots(rooms: list[str], row: int) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """(x, y, width) of each room of a row."""
    width = min(300, (WIDTH - 2 * MARGIN - GAP * (len(rooms) - 1)) // len(rooms))
    start = (WIDTH - len(rooms) * width - GAP * (len(rooms) - 1)) // 2
    for index, room in enumerate(rooms):
        yield room, (start + index * (width + GAP), MARGIN + row * FLOOR_HEIGHT, width)


def _arrow(a: tuple[int, int, int], b: tuple[int, int, int]) -> str:
    kind = "down" if a[1] < b[1] else "up"
    x1, y1, x2, y2 = a[0] + a[2] // 2, a[1] + ROOM_HEIGHT, b[0] + b[2] // 2, b[1]
    bend = (y2 - y1) // 2
    return f'<path class="{kind}" d="M{x1} {y1} C{x1} {y1 + bend} {x2} {y2 - bend} {x2} {y2}"/>'


def _box(room: str, x: int, y: int, width: int) -> str:
    name = f"{room}/" if (PACKAGE / room).is_dir() else f"{room}.py"
    name = "understudy (for Python)" if room == FACE else name
    rooms = inside(room)
    lines = textwrap.wrap(told(room), int((width - 16) / CHARACTERS * 1.15))[: 3 if rooms else 4]
    texts = [f'<text class="name" x="{x + 8}" y="{y + 18}">{html.escape(name)}</text>']
    texts += [
        f'<text x="{x + 8}" y="{y + 34 + 13 * index}">{html.escape(line)}</text>'
        for index, line in enumerate(lines)
    ]
    if rooms:
        within = html.escape(" ".join(f"{each}/" for each in rooms))
        texts.append(f'<text class="inside" x="{x + 8}" y="{y + ROOM_HEIGHT - 6}">{within}</text>')
    return "\n".join([f'<rect x="{x}" y="{y}" width="{width}" height="{ROOM_HEIGHT}" rx="6"/>', *texts])


HEAD = """<svg xmlns="http://www.w3.org/2000/svg"
  width="{width}" height="{height}" viewBox="0 0 {width} {height}">
<style>
svg {{ background: #ffffff; font: 11px sans-serif; }}
rect {{ fill: #eef3f8; stroke: #33566f; }}
text {{ fill: #33424d; }}
.name {{ font: bold 14px sans-serif; fill: #12303f; }}
.inside {{ font-style: italic; fill: #33566f; }}
path {{ fill: none; stroke: #8aa4b5; stroke-width: 1.3; marker-end: url(#head); }}
path.up {{ stroke: #c0392b; stroke-width: 2.5; }}
</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<polygon points="0,0 8,4 0,8" fill="#8aa4b5"/></marker></defs>"""


if __name__ == "__main__":
    (Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE).write_text(draw(imports()), encoding="utf-8")
