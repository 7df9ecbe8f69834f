"""The TOML beside an ONNX or TorchScript file as knobs and ports; ``understudy.inference.sidecar``
reads it."""

from __future__ import annotations

from typing import Any

from understudy.errors import ModelFileError
from understudy.inference.sidecar import OptionText, PortText, Sidecar, read_sidecar
from understudy.server.models.card import Option, Port, RequestError, is_knob_name, safe_name

__all__ = ["Sidecar", "option_of", "ports_of", "read_sidecar"]


def option_of(text: OptionText) -> Option:
    """The option that a sidecar describes; ``ModelFileError`` when it cannot become a knob."""
    zero: dict[str, Any] = {"bool": False, "int": 0, "float": 0.0, "string": ""}
    option = Option(
        text.name,
        text.type,
        zero[text.type],
        text.minimum,
        text.maximum,
        tuple(text.choices),
        text.description,
    )
    if not is_knob_name(text.name):
        raise ModelFileError(
            "An option's name cannot become a knob.",
            found=text.name,
            expected="a letter, then letters, digits and underscores; no name of Nuke's own",
        )
    if text.default is None:
        return option
    try:
        default = option.read(text.default, clamp=False)
    except RequestError as error:
        raise ModelFileError("An option's default does not fit it.", found=error.message) from error
    return Option(text.name, text.type, default, text.minimum, text.maximum, option.choices, text.description)


def ports_of(texts: list[PortText]) -> tuple[Port, ...]:
    return tuple(Port(safe_name(text.name), text.channels) for text in texts)
