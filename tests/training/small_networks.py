"""The command line with networks so small that a step takes milliseconds: for tests that start processes.

python small_networks.py train --input ...
"""

from __future__ import annotations

import sys
from collections.abc import MutableMapping

from understudy.network.unet import SIZES, Size

SMALL = Size((8, 12), (1, 1), (1,))


def shrink(sizes: MutableMapping[str, Size] = SIZES) -> None:
    """Make ``--model-size small`` mean a network of a few thousand weights."""
    sizes["small"] = SMALL


if __name__ == "__main__":
    from understudy.cli.main import run

    shrink()
    sys.exit(run(sys.argv[1:]))
