"""Send a picture with a highlight to a model of a running server: python ask.py MODEL [OPTION=VALUE ...]"""

from __future__ import annotations

import array
import sys

from understudy import client

WIDTH, HEIGHT = 96, 64


def picture() -> tuple[array.array, tuple[int, int, int]]:
    """A grey ramp with a bright square in its middle, without numpy."""
    values = array.array("f")
    for y in range(HEIGHT):
        for x in range(WIDTH):
            bright = abs(x - WIDTH // 2) < 4 and abs(y - HEIGHT // 2) < 4
            values.extend([8.0] * 3 if bright else [x / WIDTH * 0.5] * 3)
    return values, (HEIGHT, WIDTH, 3)


def value_of(text: str) -> object:
    """An option's value as it was meant."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def main() -> None:
    """Ask, say what came, and write it."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    options = {name: value_of(text) for name, _, text in (each.partition("=") for each in sys.argv[2:])}
    try:
        result = client.infer(sys.argv[1], [picture()], **options)[0]
    except client.ServerError as error:
        sys.exit(f"The server says: {error}")
    print(
        result,
        "beside the highlight:",
        *(f"{value:.3f}" for value in result.pixel(WIDTH // 2 + 8, HEIGHT // 2)),
    )
    rows = [result.data[y * WIDTH * 3 : (y + 1) * WIDTH * 3] for y in reversed(range(result.height))]
    with open("answer.pfm", "wb") as file:
        file.write(b"PF\n%d %d\n-1.0\n" % (result.width, result.height))
        for row in rows:
            file.write(row.tobytes())


if __name__ == "__main__":
    main()
