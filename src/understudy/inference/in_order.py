"""A network with state for the frames of one shot, called one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.models.call import NetworkCall
from understudy.models.state import STATE

if TYPE_CHECKING:
    from understudy.inference.model import LoadedModel


class InOrder:
    """``model``, whose state goes from each call to the next. ``reset`` begins anew, as is to be done where
    another shot begins; so does a frame of another size. A network without state answers as it always does.
    Not for several threads."""

    def __init__(self, model: LoadedModel) -> None:
        self.model = model
        self._found: dict[str, Any] = {}

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """``infer`` with everything at its default."""
        return self.infer(pixels)

    def infer(
        self, pixels: np.ndarray, *, options: Mapping[str, Any] | None = None, **settings: Any
    ) -> np.ndarray:
        """As ``LoadedModel.infer``, for the frame after the one before."""
        read = {} if options is None else self.model.description.read_options(options, clamp=False)
        carried = {STATE: self._found[STATE]} if STATE in self._found else {}
        call = NetworkCall(options=read, carried=carried)
        made = self.model.with_call(call).infer(pixels, **settings)
        self._found = call.found
        return made

    def reset(self) -> None:
        """Forget the frames before."""
        self._found = {}
