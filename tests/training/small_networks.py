"""The command line with networks so small that a step takes milliseconds: for tests that start processes.

python small_networks.py train --input ...
"""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping

from understudy.network.unet import SIZES, Size
from understudy.runs import stop

SMALL = Size((8, 12), (1, 1), (1,))


def shrink(sizes: MutableMapping[str, Size] = SIZES) -> None:
    """Make ``--model-size small`` mean a network of a few thousand weights."""
    sizes["small"] = SMALL


if __name__ == "__main__":
    from understudy.cli.main import run

    shrink()
    # How long a second Ctrl-C is the same request: longer where a test must not depend on the machine.
    stop.REPEAT_SECONDS = float(os.environ.get("UNDERSTUDY_TEST_REPEAT_SECONDS", stop.REPEAT_SECONDS))
    sys.exit(run(sys.argv[1:]))
