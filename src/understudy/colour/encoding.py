"""The encoding from file values to network values: one small set of parameters, kept in every model file.

    t   = (value - offset) / scale
    net = t                                       where k is 0
    net = sign(t) * log1p(k |t|) / log1p(k)       else

The same for every frame and every channel, elementwise, and invertible for every finite float32 value.
``array.py`` and ``tensor.py`` compute it; a test holds the two together.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from understudy.errors import ColourError

LINEAR_K = 16.0
"""The curve of scene-linear values: 0 -> 0, 0.18 -> 0.48, 1 -> 1, 65504 -> 4.9."""

K_SMALLEST = 1e-3
K_LARGEST = 1e12


class ColourEncoding(BaseModel):
    """How the values of one side (plate or ground truth) become network values. Immutable and comparable.

    ``space``: ``srgb``, ``linear``, ``raw``, or the name of an OCIO space. ``ocio_config``: for a named
    space, the config with its version, such as ``ocio://cg-config-v4.0.0_aces-v2.0_ocio-v2.5``.
    ``k``: strength of the logarithmic curve, 0 for none, else 1e-3 to 1e12. ``offset`` and ``scale`` are in
    file values; ``scale`` is above 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    space: str = Field(min_length=1, max_length=200)
    ocio_config: str | None = Field(default=None, max_length=200)
    k: float = Field(default=0.0, ge=0.0, le=K_LARGEST)
    offset: float = 0.0
    scale: float = Field(default=1.0, gt=1e-30, lt=1e30)

    def model_post_init(self, context: Any) -> None:
        """Refuse a curve so weak that float32 could not tell it from a straight line."""
        if 0.0 < self.k < K_SMALLEST:
            raise ValueError(f"k must be 0 or at least {K_SMALLEST}")

    @property
    def is_identity(self) -> bool:
        """Whether network values are the file values themselves."""
        return self.k == 0.0 and self.offset == 0.0 and self.scale == 1.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a JSON header; ``from_dict`` gives an equal encoding back."""
        return self.model_dump()

    @classmethod
    def from_dict(cls, values: Any) -> ColourEncoding:
        """The encoding that ``to_dict`` described. ColourError when the values are not one."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            raise ColourError(
                "A colour encoding does not make sense.",
                expected="space, ocio_config, k, offset, scale",
                found=f"{'.'.join(map(str, first['loc'])) or 'encoding'}: {first['msg']}",
                remedy="Use the model file as it was written, or train again.",
            ) from error


SRGB = ColourEncoding(space="srgb")
"""Display-referred values, as they are."""

LINEAR = ColourEncoding(space="linear", k=LINEAR_K)
"""Scene-linear values, unbounded, through the logarithmic curve."""

PLAIN = ColourEncoding(space="raw")
"""Values that are no colours and lie in 0..1 already, such as a matte: as they are."""
