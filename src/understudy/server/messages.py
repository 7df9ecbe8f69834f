# ruff: noqa: RUF009
"""The messages of the ML-Server protocol: every field optional, numbers as they stand on the wire."""

from __future__ import annotations

from dataclasses import dataclass

from understudy.server.wire import wire_field


@dataclass
class RequestInfo:
    info: bool | None = wire_field(1, "bool")


@dataclass
class ImagePrototype:
    name: str | None = wire_field(1, "string")
    channels: int | None = wire_field(2, "int32")


@dataclass
class BoolAttrib:
    name: str | None = wire_field(1, "string")
    values: list[bool] = wire_field(2, "bool", repeated=True)


@dataclass
class IntAttrib:
    name: str | None = wire_field(1, "string")
    values: list[int] = wire_field(2, "int32", repeated=True)


@dataclass
class FloatAttrib:
    name: str | None = wire_field(1, "string")
    values: list[float] = wire_field(2, "float", repeated=True)


@dataclass
class StringAttrib:
    name: str | None = wire_field(1, "string")
    values: list[str] = wire_field(2, "string", repeated=True)


@dataclass
class MultipleChoiceOption:
    name: str | None = wire_field(1, "string")
    value: str | None = wire_field(2, "string")
    choices: list[str] = wire_field(3, "string", repeated=True)


@dataclass
class Model:
    name: str | None = wire_field(1, "string")
    label: str | None = wire_field(2, "string")
    inputs: list[ImagePrototype] = wire_field(3, ImagePrototype, repeated=True)
    outputs: list[ImagePrototype] = wire_field(4, ImagePrototype, repeated=True)
    bool_options: list[BoolAttrib] = wire_field(5, BoolAttrib, repeated=True)
    int_options: list[IntAttrib] = wire_field(6, IntAttrib, repeated=True)
    float_options: list[FloatAttrib] = wire_field(7, FloatAttrib, repeated=True)
    string_options: list[StringAttrib] = wire_field(8, StringAttrib, repeated=True)
    button_options: list[BoolAttrib] = wire_field(9, BoolAttrib, repeated=True)
    mc_options: list[MultipleChoiceOption] = wire_field(10, MultipleChoiceOption, repeated=True)


@dataclass
class Image:
    """One picture: float32 little-endian planes, one channel after the other, the bottom row first."""

    width: int | None = wire_field(1, "int32")
    height: int | None = wire_field(2, "int32")
    channels: int | None = wire_field(3, "int32")
    image: memoryview | bytes | None = wire_field(4, "bytes")


@dataclass
class RequestInference:
    model: Model | None = wire_field(1, Model)
    images: list[Image] = wire_field(2, Image, repeated=True)


@dataclass
class RequestWrapper:
    info: bool | None = wire_field(1, "bool")
    r1: RequestInfo | None = wire_field(2, RequestInfo)
    r2: RequestInference | None = wire_field(3, RequestInference)


@dataclass
class FieldValuePairAttrib:
    """Attributes for the node. What is inside passes through as it is, so it is kept as bytes."""

    name: str | None = wire_field(1, "string")
    values: list[memoryview | bytes] = wire_field(2, "bytes", repeated=True)


@dataclass
class RespondInfo:
    num_models: int | None = wire_field(1, "int32")
    models: list[Model] = wire_field(2, Model, repeated=True)


@dataclass
class Error:
    msg: str | None = wire_field(1, "string")


@dataclass
class RespondInference:
    num_images: int | None = wire_field(1, "int32")
    images: list[Image] = wire_field(2, Image, repeated=True)
    num_objects: int | None = wire_field(3, "int32")
    objects: list[FieldValuePairAttrib] = wire_field(4, FieldValuePairAttrib, repeated=True)


@dataclass
class RespondWrapper:
    info: bool | None = wire_field(1, "bool")
    r1: RespondInfo | None = wire_field(2, RespondInfo)
    r2: RespondInference | None = wire_field(3, RespondInference)
    error: Error | None = wire_field(4, Error)
