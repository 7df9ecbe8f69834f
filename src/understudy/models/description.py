"""What a model says of itself, whatever made it: a .cat, an ONNX or TorchScript file, Python, a built-in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from understudy.colour import ColourEncoding
from understudy.errors import RequestError
from understudy.frames.matte_names import is_alpha
from understudy.models.names import count_text, printable
from understudy.models.options import Option
from understudy.network.card import ModelCard
from understudy.network.confidence import ConfidenceTable

ANY = -1
SENT = 3  # Nuke sends three channels for every input, whatever the list says


@dataclass(frozen=True)
class ImageSpec:
    """One image that a model takes or gives.

    ``count``: its number of channels, ``ANY`` for as many as come. ``channels``: their names, empty where the
    model does not care. ``colour``: how file values become the model's values; None for a model that works on
    scene-linear values as they are. ``offset``: 0 for the frame itself, n for the plate n frames later.
    ``dtype`` and ``tensor``: the type and the name of the tensor in the file, laid out as ``layout``.
    ``stack``: how several frames lie in that tensor, empty for one alone.
    """

    name: str
    count: int = 3
    channels: tuple[str, ...] = ()
    colour: ColourEncoding | None = None
    offset: int = 0
    dtype: str = "float32"
    layout: str = "NCHW"
    tensor: str = ""
    stack: str = ""


@dataclass(frozen=True)
class ModelDescription:
    """Everything that apply, serve, load, export and info ask of a model.

    ``name``: unique in a server, safe in the path of a URL. ``label``: what an artist reads. ``format``: what
    the model is (network, run, ONNX, TorchScript, Python, built in). ``kind``: ``image`` (the frame,
    changed), ``matte`` (coverage) or ``motion`` (where its pixels are in the next one). ``inputs``: the
    plate, then the frames beside it and further layers. ``earlier_versions``: those in whose place this one
    answers. ``accepts_any_channels``: three channels are taken for every input, whatever it declares.

    ``scale``: how many times larger the result is. ``adapts``: it takes display-referred and scene-linear
    values alike, and its colours are those of the former until it is known what comes. ``keys``: it takes off
    what stands before a green or blue screen, as straight colours and their alpha. ``stride``: height and
    width must be multiples of it. ``reach``: pixels of context on each side that a part depends on which
    begins and ends on the stride. ``whole``: it sees each frame whole, as a picture of so many pixels a side;
    0 where it sees frames as they are. ``fixed_size``: (height, width) of a model that takes no other.
    ``premultiplied``: straight colours are multiplied by their alpha for it. ``state``: images that the model
    gives with one frame and wants back with the next; ``lead_in``: frames before the first of a range that
    are gone through for it. ``prompts``: what it is to be told by: ``points``, ``box``, and ``mask`` where it
    takes what it made of the frame before. ``finds_instances``: its result are mattes of what it found, and
    their ids. ``precision``, ``confidence`` (how often its pixels are
    right, where that was measured), ``card`` (of one that comes trained) and ``provenance``: what its file
    says of them.
    """

    name: str
    label: str
    inputs: tuple[ImageSpec, ...] = (ImageSpec("input"),)
    outputs: tuple[ImageSpec, ...] = (ImageSpec("output"),)
    options: tuple[Option, ...] = ()
    buttons: tuple[str, ...] = ()
    format: str = "built in"
    file_format: str = ""
    kind: str = "image"
    version: str = "1"
    earlier_versions: tuple[str, ...] = ()
    text: str = ""
    accepts_any_channels: bool = False
    scale: int = 1
    adapts: bool = False
    keys: bool = False
    stride: int = 1
    reach: int = 0
    whole: int = 0
    fixed_size: tuple[int, int] | None = None
    premultiplied: bool = True
    state: tuple[ImageSpec, ...] = ()
    prompts: tuple[str, ...] = ()
    finds_instances: bool = False
    lead_in: int = 0
    precision: Mapping[str, float] = field(default_factory=dict)
    confidence: ConfidenceTable | None = None
    card: ModelCard | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def space(self) -> str:
        """The colour space that the model works in, by its first input."""
        colour = self.inputs[0].colour if self.inputs else None
        return colour.space if colour is not None else "scene-linear"

    @property
    def input_channels(self) -> list[str]:
        """Names of the plate's channels that go in first."""
        return list(self.inputs[0].channels)

    @property
    def output_channels(self) -> list[str]:
        """Names of the channels that come out."""
        return list(self.outputs[0].channels)

    @property
    def extra(self) -> tuple[ImageSpec, ...]:
        """What goes in after the plate, in order."""
        return self.inputs[1:]

    @property
    def coverage(self) -> tuple[int, ...]:
        """Which outputs are no light, and go through no curve: the alpha of a model that keys, or that takes
        display-referred and scene-linear values alike."""
        if not (self.adapts or self.keys):
            return ()
        return tuple(place for place, name in enumerate(self.output_channels) if is_alpha(name))

    @property
    def offsets(self) -> tuple[int, ...]:
        """Which frames about the plate's own go in too, as their distance from it."""
        return tuple(image.offset for image in self.inputs if image.offset)

    @property
    def colour_in(self) -> ColourEncoding:
        """The encoding of the plate."""
        return (self.inputs[0].colour if self.inputs else None) or ColourEncoding(space="linear")

    @property
    def colour_out(self) -> ColourEncoding:
        """The encoding of the result."""
        return self.outputs[0].colour or ColourEncoding(space="linear")

    def defaults(self) -> dict[str, Any]:
        """Every option at its default."""
        return {option.name: option.default for option in self.options}

    def read_options(self, given: Mapping[str, Any], clamp: bool) -> dict[str, Any]:
        """All options for one call: what was given, checked, and defaults. ``clamp``: bring values into their
        range instead of refusing them. RequestError for an option that was not declared."""
        declared = {option.name: option for option in self.options}
        unknown = [name for name in given if name not in declared]
        if unknown:
            has = ", ".join(declared) or "none"
            raise RequestError(
                f'The model "{self.label}" has no option "{printable(unknown[0])}"; its options: {has}.'
            )
        return self.defaults() | {name: declared[name].read(value, clamp) for name, value in given.items()}

    def read_buttons(self, given: Mapping[str, Any]) -> dict[str, bool]:
        """All buttons of one call; a button that is not named is not pressed."""
        unknown = [name for name in given if name not in self.buttons]
        if unknown:
            raise RequestError(f'The model "{self.label}" has no button "{printable(unknown[0])}".')
        return {name: bool(given.get(name, False)) for name in self.buttons}

    def fits(self, image: ImageSpec, channels: int) -> bool:
        """Whether an image of so many channels may come to an input."""
        return image.count in (ANY, channels) or (self.accepts_any_channels and channels == SENT)

    def check_inputs(self, channels: Sequence[int]) -> None:
        """Refuse images that do not fit the inputs, by number and by channels. RequestError."""
        if len(channels) != len(self.inputs):
            raise wrong_number(self.label, self.inputs, len(channels))
        for image, found in zip(self.inputs, channels, strict=True):
            if not self.fits(image, found):
                raise wrong_channels(self.label, image, found)


def wrong_number(label: str, images: Sequence[ImageSpec], came: int) -> RequestError:
    """The refusal of a call with too many or too few images."""
    names = ", ".join(image.name for image in images)
    wanted = count_text(len(images), "image")
    return RequestError(f'The model "{label}" wants {wanted} ({names}); {came} came.')


def wrong_channels(label: str, image: ImageSpec, came: int) -> RequestError:
    """The refusal of an image with too many or too few channels."""
    wanted = count_text(image.count, "channel")
    return RequestError(f'The input "{image.name}" of "{label}" wants {wanted}; {came} came.')
