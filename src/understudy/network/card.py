"""What a network that comes trained says of itself: its use, its sources, how well it does."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_ROWS = 2000
Word = Annotated[str, Field(max_length=200)]
Sentence = Annotated[str, Field(max_length=2000)]
Kind = Literal["network", "start"]


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)


class Source(_Row):
    """One work that it learned from: what it is called, by whom it is, under which ``licence``, and where."""

    title: Sentence
    author: Sentence = ""
    licence: Word = ""
    address: Sentence = ""


class Trained(_Row):
    """How it was trained: ``steps``, ``hours`` on a ``processor``, and the ``date`` (2026-11-29)."""

    steps: int | None = Field(default=None, ge=0)
    hours: float | None = Field(default=None, ge=0)
    processor: Word = ""
    date: Word = ""


class Measured(_Row):
    """One figure: ``what`` was measured, the ``score`` with its unit, and what there is ``beside`` it."""

    what: Sentence
    score: Word
    beside: Sentence = ""


class ModelCard(_Row):
    """``name``: what it is asked for by. ``purpose``: one sentence. ``licence``: of the weights, such as
    Apache-2.0. ``kind``: a ``network`` is applied and served as it is, a ``start`` is what a training begins
    from; it may be both."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
    title: Annotated[str, Field(min_length=1, max_length=64)]
    purpose: Sentence
    licence: Word
    sources: list[Source] = Field(default=[], max_length=MOST_ROWS)
    trained: Trained = Trained()
    measured: list[Measured] = Field(default=[], max_length=MOST_ROWS)
    kind: list[Kind] = Field(default=["network"], min_length=1, max_length=2)
