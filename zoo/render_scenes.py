"""Scenes from code, rendered: what denoise-renders learns from.

    python -m zoo.render_scenes --data ../shared/photographs --renders ../renders --count 100
    python -m zoo.render_scenes --data ../shared/photographs --renders ../renders --part validation --count 10

Needs PyPI's mitsuba and an LLVM of version 16 or newer (DRJIT_LIBLLVM_PATH names its library where it is
not found); without LLVM, --variant scalar_rgb computes the same, ten times as slowly. A scene is a function
of the seed and its number alone; those that are there already are kept, so it can be stopped at any time.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from pathlib import Path
from typing import Any

import numpy as np

from understudy.errors import UnderstudyError
from zoo.command import in_words
from zoo.pictures import Part, load_pictures
from zoo.renders.environments import environments_of

SIDE = 192
COUNTS = {"training": (1, 1, 2, 4, 8, 16, 32, 64), "validation": (1, 4, 16, 64, 64, 64, 64)}
"""Samples of the renders of each scene. What is learned from: one of them goes in, and all others together
are the truth, whose own noise goes into no direction. What is measured by: the four last, in two
pairs, so that their noise does not count as an error."""
SEEDS = {"training": 1, "validation": 2}


def begin(variant: str) -> None:
    """Let mitsuba compute in one way. UnderstudyError where it is not there, or cannot."""
    if importlib.util.find_spec("mitsuba") is None:
        raise UnderstudyError(
            "mitsuba renders the scenes, and is not installed.", remedy="pip install mitsuba"
        )
    import drjit
    import mitsuba

    try:
        mitsuba.set_variant(variant)
    except ImportError as error:
        raise UnderstudyError(
            "mitsuba cannot compute in this way.",
            expected="an LLVM of version 16 or newer, for llvm_ad_rgb",
            found=str(error),
            remedy="Name its library with DRJIT_LIBLLVM_PATH, or give --variant scalar_rgb.",
        ) from error
    mitsuba.set_log_level(mitsuba.LogLevel.Error)
    drjit.set_thread_count(1)


def render_scene(maker: Any, part: Part, number: int, side: int) -> Any:
    """All renders of one scene."""
    from zoo.renders.rendering import draw_integrator, render
    from zoo.renders.store import Rendered, as_half

    random = np.random.default_rng([SEEDS[part], number])
    scene, integrator = maker.scene(random, side), draw_integrator(random)
    counts = COUNTS[part]
    made = [render(scene, integrator, count, 16 * number + each) for each, count in enumerate(counts)]
    return Rendered(as_half(np.stack(made)), np.array(counts))


def run(flags: argparse.Namespace) -> None:
    """Render what is not there yet."""
    begin(flags.variant)
    from zoo.renders.scenes import Maker
    from zoo.renders.store import save

    maker = Maker(flags.part, load_pictures(flags.data, flags.part), environments_of(flags.data, flags.part))
    flags.renders.mkdir(parents=True, exist_ok=True)
    for number in range(flags.first, flags.first + flags.count):
        file = flags.renders / f"{flags.part}_{number:04d}.npz"
        if not file.exists():
            start = time.monotonic()
            save(file, render_scene(maker, flags.part, number, flags.side))
            print(f"{file}: {time.monotonic() - start:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m zoo.render_scenes", description="Render made scenes.")
    parser.add_argument("--data", type=Path, required=True, help="the folder of photographs and HDR maps")
    parser.add_argument("--renders", type=Path, required=True, help="where the renders go")
    parser.add_argument("--part", choices=list(COUNTS), default="training")
    parser.add_argument("--first", type=int, default=0, help="the number of the first scene")
    parser.add_argument("--count", type=int, default=100, help="how many scenes")
    parser.add_argument("--side", type=int, default=SIDE, help="pixels a side")
    parser.add_argument("--variant", default="llvm_ad_rgb", help="of mitsuba")
    flags = parser.parse_args()
    in_words(lambda: run(flags))


if __name__ == "__main__":
    main()
