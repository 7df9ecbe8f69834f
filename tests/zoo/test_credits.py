"""Every photograph that is learned from has an author and a licence that permits it."""

from __future__ import annotations

import pytest
from zoo.credits import CREDITS, credits_text, read_credits, training_credits
from zoo.people.coco import listed
from zoo.people.render import ASSETS
from zoo.pictures import names_of

from understudy.errors import UnderstudyError

FREE = ("CC0", "CC BY ", "public domain", "BSD 2-Clause")


def test_every_training_photograph_has_an_author_and_a_licence_that_permits_it(photographs_folder):
    found = training_credits(photographs_folder)
    assert [each.file for each in found] == names_of(photographs_folder, "training")
    assert all(each.author and each.title and each.place for each in found)
    assert [each.file for each in found if not each.licence.startswith(FREE)] == []
    assert all(each.terms for each in found if each.licence.startswith("CC"))


def test_the_credits_that_are_kept_are_those_of_the_photographs(photographs_folder):
    assert CREDITS.read_text(encoding="utf-8") == credits_text(photographs_folder)


def test_the_credits_name_each_photograph_and_hdr_map_with_author_and_licence():
    text, _, people = CREDITS.read_text(encoding="utf-8").partition("## Photographs of people")
    for part, count, columns in ((text, 100 + 18, 4), (people, len(listed()), 3)):
        rows = [line for line in part.splitlines() if line.startswith("| ")][1:]
        assert len(rows) == count
        assert all(row.count("|") == columns + 1 for row in rows)
        assert all(cell.strip() for row in rows for cell in row.split("|")[1:-1])


def test_the_credits_name_what_rendered_people_are_made_of():
    text = CREDITS.read_text(encoding="utf-8")
    assert all(source.address in text and source.licence in text for source in ASSETS)


def test_a_photograph_without_a_licence_is_not_learned_from(tmp_path):
    (tmp_path / "split.json").write_text('{"training": ["a.jpg", "b.jpg"], "validation": []}')
    (tmp_path / "SOURCES.md").write_text(
        "| a.jpg | A | o/n | 12 | Ann | [CC0 1.0](https://c) | LICENSE | 1 | 1 |\n"
    )
    assert read_credits(tmp_path)["a.jpg"].author == "Ann"
    with pytest.raises(UnderstudyError, match=r"b\.jpg"):
        training_credits(tmp_path)
