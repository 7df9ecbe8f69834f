"""PyAV, imported when the first movie needs it, and its errors in our words."""

from __future__ import annotations

from types import ModuleType

from understudy.errors import MissingPackageError


def load_av(where: str) -> ModuleType:
    """The PyAV package; MissingPackageError when it is not installed."""
    try:
        import av
        import av.video.reformatter
    except ImportError as error:
        raise MissingPackageError(
            "Movies need the package PyAV.",
            expected="the package av",
            found=str(error),
            where=where,
            remedy="pip install 'understudy[movie]', or use an image sequence",
        ) from error
    return av


def interpolation(av: ModuleType) -> object:
    """Bicubic chroma with accurate rounding, where the version of PyAV can combine the two."""
    modes = av.video.reformatter.Interpolation
    try:
        return modes.BICUBIC | modes.ACCURATE_RND | modes.FULL_CHR_H_INT
    except (AttributeError, TypeError):
        return modes.BICUBIC
