"""Last touch: what is done to each result before it is written, seen live on a frame that is chosen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from nicegui import background_tasks, ui

from understudy.errors import UnderstudyError
from understudy.monitor.app_state import AppState
from understudy.monitor.page.clicks import clicked, marks, told_by
from understudy.monitor.page.messages import error_text, report_errors
from understudy.monitor.page.path_field import PathField
from understudy.monitor.page.touch_sliders import TouchControl, control_of
from understudy.monitor.page.viewer import SINGLE, WIPE, Reel, Viewer, empty_reel, mode
from understudy.monitor.shot.last_touch import TouchShot, TouchSource
from understudy.settings import ApplySettings, SettingInfo, settings_of

INITIAL_TEXT = (
    "Choose a model and a plate.\nWhat the network makes of a frame, and the last touch on it, show here."
)
DEBOUNCE = 0.08  # seconds in which a slider rests before a picture is asked for
PROXY = 1280  # longest side of what is shown, until one zooms in
OF_IMAGES, OF_ALPHAS = ("grain",), ("premultiply",)
CLICKS = (
    "This network has to be told what is meant: click on the subject, with Shift on what it is not, and on a "
    "point to take it away. The points stand in the form, under Advanced."
)


class TouchPanel:
    """``values`` are what was chosen, by name; empty where nothing was. ``given`` says what else stands in
    the form; ``taken_over`` is called with the settings of another result; ``changed`` after each change."""

    def __init__(
        self,
        app_state: AppState,
        given: Callable[[], dict[str, Any]],
        taken_over: Callable[[dict[str, Any]], Any],
        changed: Callable[[], Any],
    ) -> None:
        self._app_state, self._given, self._taken_over, self._changed = app_state, given, taken_over, changed
        self._request, self._shot, self._looked = 0, None, None
        self.controls: dict[str, TouchControl] = {}
        with ui.element("div").classes("us-touch") as self.element:
            self.viewer = Viewer(empty_reel(INITIAL_TEXT))
            self.viewer.on("point", lambda event: self._clicked(event.args))
            with ui.element("div").classes("us-touch-side"):
                self._side()

    @property
    def values(self) -> dict[str, Any]:
        found = {name: control.value for name, control in self.controls.items()}
        return {name: value for name, value in found.items() if value != _INFOS[name].default}

    @property
    def words(self) -> str:
        """The values in one line."""
        said = [_words(_INFOS[name], value) for name, value in self.values.items()]
        return ", ".join(said) or "none"

    def fill(self, values: dict[str, Any]) -> None:
        """Take ``values``; what is not in them goes back to none."""
        for name, control in self.controls.items():
            control.value = values.get(name, _INFOS[name].default)
        self._touched()

    def refresh(self) -> None:
        """Show what the form names by now."""
        self._request += 1
        background_tasks.create(self._load(self._request))

    def _side(self) -> None:
        with ui.element("div").classes("us-touch-part") as self.mattes:
            self._make(lambda name: name not in (*OF_IMAGES, *OF_ALPHAS))
        with ui.element("div").classes("us-touch-part") as self.alphas:
            self._make(lambda name: name in OF_ALPHAS)
        with ui.element("div").classes("us-touch-part") as self.images:
            self._make(lambda name: name in OF_IMAGES)
        self.told = ui.label(CLICKS).classes("us-notes")
        self.told.visible = False
        self.fault = ui.label().classes("us-notes bad")
        self.notes = ui.label().classes("us-notes")
        with ui.element("div").classes("us-touch-part"):
            ui.button("Reset", on_click=lambda: self.fill({})).props("outline dense color=grey-5").classes(
                "us-touch-reset"
            )
            help_text = "Another result of apply: its last touch, mix and region come from there."
            self.like = PathField(self._app_state, "Take over from", help_text, "shot", lambda: None)
            ui.button("Take over", on_click=report_errors(self._take_over)).props(
                "outline dense color=grey-5"
            )
        self.fault.visible = self.notes.visible = False

    def _make(self, wanted: Callable[[str], bool]) -> None:
        for info in filter(lambda info: wanted(info.name), _INFOS.values()):
            self.controls[info.name] = control_of(info, self._touched)

    async def _take_over(self) -> None:
        from understudy.inference.like import how_made

        spec = await asyncio.to_thread(self._app_state.allowed.spec, self.like.value)
        settings, notes = await asyncio.to_thread(how_made, spec)
        self.fill({name: value for name, value in settings.items() if name in self.controls})
        self._taken_over({name: value for name, value in settings.items() if name not in self.controls})
        self.notes.text, self.notes.visible = "\n".join(notes), True

    def _clicked(self, click: Any) -> None:
        points = self._given().get("points") or ""
        told = clicked(points, click if isinstance(click, dict) else {})
        if told != points:
            self._taken_over({"points": told})
            self.refresh()

    def _touched(self) -> None:
        self._changed()
        self.refresh()

    async def _load(self, request: int) -> None:
        await asyncio.sleep(DEBOUNCE)
        if request != self._request or self.fault.is_deleted:
            return
        given, error, shot = self._given(), None, None
        source = _source(given)
        if source is not None:
            try:
                shot = await asyncio.to_thread(self._app_state.last_touch.look, source, given.get("frames"))
            except (UnderstudyError, OSError) as fault:
                error = fault
        if request == self._request and not self.fault.is_deleted:
            with self.fault.client:
                self._show(source, shot, error)

    def _show(self, source: TouchSource | None, shot: TouchShot | None, error: Exception | None) -> None:
        self.fault.text = ""
        if shot is not None:
            self.mattes.visible, self.images.visible = shot.kind == "matte", shot.kind != "matte"
            self.alphas.visible = shot.kind == "matte" or shot.keys
        if source is None or shot is None:
            self.viewer.show(empty_reel(error_text(error) if error else INITIAL_TEXT))
            return
        self.told.visible = shot.size is not None
        self.fault.text = _unfit(self.values, shot.kind, shot.keys)
        self.fault.visible = bool(self.fault.text)
        self.viewer.show(_reel(source, shot, self.values))


_INFOS: dict[str, SettingInfo] = {
    info.name: info for info in settings_of(ApplySettings) if info.section == "finishing"
}
LEFT_OUT = (*_INFOS, "like")
"""What the form leaves to this panel."""


def _words(info: SettingInfo, value: Any) -> str:
    name = info.label.lower()
    return (
        name
        if value is True
        else f"{name} {value:g}"
        if isinstance(value, int | float)
        else f"{name} {value}"
    )


def _unfit(values: dict[str, Any], kind: str, keys: bool) -> str:
    """What is chosen and cannot be for what the network makes."""
    fitting = OF_ALPHAS if keys else ()
    names = [name for name in values if (name in OF_IMAGES) == (kind == "matte") and name not in fitting]
    if not names:
        return ""
    labels = ", ".join(_INFOS[name].label for name in names)
    return f"{labels}: not for {'a matte' if kind == 'matte' else 'an image'}. Reset takes it away."


def _source(given: dict[str, Any]) -> TouchSource | None:
    """What the form names; None where model or plate are not given yet."""
    if not given.get("model") or not given.get("plate"):
        return None
    extra = tuple(given.get("extra") or ())
    told = told_by(given).options
    return TouchSource(
        given["model"], given["plate"], given.get("part"), extra, given.get("input_channels"), **told
    )


def _reel(source: TouchSource, shot: TouchShot, values: dict[str, Any]) -> Reel:
    place = {"model": source.model, "plate": source.plate}
    more = {"part": source.part, "channels": source.channels}
    told = {name: value for name, value in (("points", source.points), ("box", source.box)) if value}
    query = [*place.items(), *((name, value) for name, value in more.items() if value)]
    query += [("extra", each) for each in source.extra]
    base = f"/api/touch/frame.png?{urlencode(query)}&number={{id}}"
    touch = f"&{urlencode({'touch': json.dumps(values)})}" if values else ""
    base += f"&{urlencode(told)}" if told else ""
    modes = _matte_modes(base, touch) if shot.kind == "matte" else _image_modes(base, touch)
    if shot.size is not None:
        modes.insert(0, mode("points", "Points", SINGLE, ("", f"{base}&how=overlay{touch}")))
    return {
        "key": f"touch {query}",
        "frames": [{"id": number, "version": shot.version} for number in shot.numbers],
        "modes": modes,
        **({"frameSize": shot.size, "marks": marks(source.told)} if shot.size is not None else {}),
        "start": "first",
        "rate": 24,
        "size": PROXY,
        "fine": True,
        "empty": "The plate has none of these frames.",
    }


def _matte_modes(base: str, touch: str) -> list[dict[str, Any]]:
    before, after = ("Before", f"{base}&how=result"), ("After", f"{base}&how=result{touch}")
    return [
        mode("matte", "Matte", SINGLE, ("", after[1])),
        mode("plate", "Plate", SINGLE, ("", f"{base}&how=plate")),
        mode("black", "Over Black", SINGLE, ("", f"{base}&how=black{touch}")),
        mode("checker", "Over Checker", SINGLE, ("", f"{base}&how=checker{touch}")),
        mode("white", "Over White", SINGLE, ("", f"{base}&how=white{touch}")),
        mode("wipe", "Wipe", WIPE, before, after),
    ]


def _image_modes(base: str, touch: str) -> list[dict[str, Any]]:
    before, after = ("Before", f"{base}&how=result"), ("After", f"{base}&how=result{touch}")
    return [
        mode("result", "Result", SINGLE, ("", after[1])),
        mode("plate", "Plate", SINGLE, ("", f"{base}&how=plate")),
        mode("wipe", "Wipe", WIPE, before, after),
    ]
