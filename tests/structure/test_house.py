"""The picture of the rooms, in docs/architecture.md, is that of the code as it is."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def drawing() -> ModuleType:
    path = REPOSITORY / "tools" / "draw_house.py"
    spec = importlib.util.spec_from_file_location("draw_house", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_picture_shows_the_rooms_of_today(drawing: ModuleType) -> None:
    picture = drawing.PICTURE.read_text(encoding="utf-8")
    assert picture == drawing.draw(drawing.imports()), "draw it again: python tools/draw_house.py"


def test_no_room_imports_from_one_that_imports_from_it(drawing: ModuleType) -> None:
    graph = drawing.imports()
    assert len(graph) > 15
    for room, others in graph.items():
        assert [other for other in others if room in drawing.reached(graph, other)] == [], room


def test_a_room_stands_above_all_that_it_imports_from(drawing: ModuleType) -> None:
    graph = {"roof": {"hall", "cellar"}, "hall": {"cellar"}, "cellar": set(), "attic": {"hall"}}
    assert drawing.floors(graph) == {"cellar": 0, "hall": 1, "attic": 2, "roof": 2}
    assert drawing.needed(graph) == [("attic", "hall"), ("hall", "cellar"), ("roof", "hall")]
    assert drawing.reached(graph, "attic") == {"attic", "hall", "cellar"}


def test_imports_within_functions_count_as_well(drawing: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "late.py"
    file.write_text(
        "import numpy\ndef later():\n    from understudy.runs import names, files\n    import understudy\n"
    )
    assert list(drawing.imported(file)) == ["understudy.runs.names", "understudy.runs.files", "understudy"]
