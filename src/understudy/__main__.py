"""The command ``understudy``, also as ``python -m understudy``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    from understudy.cli.main import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
