"""The picture viewer. A reel describes frames and how to compare them; the browser fetches the pictures."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from nicegui import ui

Reel = dict[str, Any]
SINGLE, WIPE, SIDE = "single", "wipe", "side"


class Viewer(ui.element, component="viewer.js", esm={"understudy-page": "lib"}):
    """Shows one reel at a time."""

    def __init__(self, reel: Reel | None = None) -> None:
        super().__init__()
        self.show(reel or empty_reel("Nothing to show yet."))

    def show(self, reel: Reel) -> None:
        """Show this reel. With the same ``key`` as before, the browser keeps its position and zoom."""
        if reel != self.props.get("reel"):
            self.props["reel"] = reel

    def step(self, by: int) -> None:
        """One picture on, or back."""
        self.run_method("step", by)

    def toggle_play(self) -> None:
        """Play or pause."""
        self.run_method("togglePlay")


def empty_reel(text: str) -> Reel:
    """A reel without frames; ``text`` is shown in their place."""
    return {"key": text, "frames": [], "modes": [], "empty": text}


def mode(name: str, label: str, layout: str, *images: tuple[str, str], gain: bool = False) -> dict[str, Any]:
    """A way to look at a frame. ``images`` are (label, address) with {id}, {other}, {shot}, {truth} in it."""
    return {
        "id": name,
        "label": label,
        "layout": layout,
        "gain": gain,
        "images": [{"label": text, "url": url} for text, url in images],
    }


def contact_reel(name: str, steps: list[int], empty: str) -> Reel:
    """The contact sheets of a run."""
    url = f"/api/runs/{quote(name, safe='')}/contact-sheets/{{id}}"
    truth, output = ("Ground Truth", f"{url}?part=ground_truth"), ("Output", f"{url}?part=output")
    return {
        "key": f"contact {name}",
        "unit": "Step",
        "rate": 4,
        "empty": empty,
        "frames": [{"id": step} for step in steps],
        "modes": [
            mode("sheet", "Sheet", SINGLE, ("", url)),
            mode("wipe", "Wipe", WIPE, truth, output),
            mode("difference", "Difference", SINGLE, ("", f"{url}?part=difference"), gain=True),
        ],
    }


def preview_reel(name: str, frame: int | None, steps: list[int], empty: str) -> Reel:
    """The previews of one frame of a run, step after step."""
    url = f"/api/runs/{quote(name, safe='')}/previews/{{id}}/{frame}"
    plate, output = ("Plate", f"{url}?part=plate"), ("Preview", url)
    return {
        "key": f"preview {name} {frame}",
        "unit": "Step",
        "rate": 4,
        "empty": empty,
        "frames": [{"id": step} for step in steps],
        "modes": [
            mode("preview", "Preview", SINGLE, ("", url)),
            mode("plate", "Plate", SINGLE, ("", plate[1])),
            mode("wipe", "Wipe", WIPE, plate, output),
            mode("difference", "Difference", SINGLE, ("", f"{url}?part=difference"), gain=True),
        ],
    }


def validation_reel(name: str, steps: list[int], empty: str) -> Reel:
    """The sheets of validation pictures of a run."""
    reel = contact_reel(name, steps, empty)
    for each in reel["modes"]:
        for image in each["images"]:
            image["url"] = image["url"].replace("/contact-sheets/", "/validation-sheets/")
    return {**reel, "key": f"validation {name}"}


def stage_reel(name: str, picture: int | None, steps: list[int], empty: str) -> Reel:
    """The stages of one picture of a run, each beside the first, and the sheet of all of them."""
    run = f"/api/runs/{quote(name, safe='')}/stages"
    first = ("First stage", f"{run}/{{other}}/{picture}?part=result")
    this = ("This stage", f"{run}/{{id}}/{picture}?part=result")
    plate = ("Picture", f"{run}/{{id}}/{picture}?part=picture")
    return {
        "key": f"stages {name} {picture}",
        "unit": "Step",
        "rate": 2,
        "empty": empty,
        "frames": [{"id": step, "other": steps[0]} for step in steps],
        "modes": [
            mode("wipe", "Wipe", WIPE, first, this),
            mode("side", "Side by side", SIDE, first, this),
            mode("result", "Result", SINGLE, ("", this[1])),
            mode("mask", "Matte", SINGLE, ("", f"{run}/{{id}}/{picture}?part=mask")),
            mode("plate", "Picture", WIPE, plate, this),
            mode("stages", "Sheet", SINGLE, ("", f"{run}/{{id}}")),
        ],
    }


def compared(one: str, other: str) -> list[dict[str, Any]]:
    """Ways to compare two shots; the frames of the reel name spec and number of both."""
    first = (one, "/api/footage/frame?spec={shot}&number={id}")
    second = (other, "/api/footage/frame?spec={truth}&number={other}")
    apart = "/api/footage/difference?spec={shot}&number={id}&other={truth}&other_number={other}"
    return [
        mode("wipe", "Wipe", WIPE, first, second),
        mode("side", "Side by side", SIDE, first, second),
        mode("difference", "Difference", SINGLE, ("", apart), gain=True),
        mode("one", one, SINGLE, first),
        mode("other", other, SINGLE, second),
    ]


def compared_frame(spec: str, number: int, other_spec: str, other_number: int, **more: Any) -> dict[str, Any]:
    """One frame of such a reel."""
    parts = {
        "id": number,
        "other": other_number,
        "shot": quote(spec, safe=""),
        "truth": quote(other_spec, safe=""),
    }
    return {**parts, **more}
