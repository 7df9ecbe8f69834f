"""The actions of the table's menu, with the dialogs that ask for confirmation or values."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from understudy.errors import RunError, UnderstudyError
from understudy.monitor.page.messages import error_text, notify, notify_error, report_errors
from understudy.monitor.page.selection import Selection
from understudy.monitor.page.sizes import size_text
from understudy.runs import RunFolder
from understudy.settings import TrainSettings, settings_of

LIMITS = {
    info.name: info
    for info in settings_of(TrainSettings)
    if info.name in ("epochs", "max_steps", "time_limit")
}
EXPORTS = {
    "nuke": "Nuke",
    "onnx": "ONNX",
    "flame": "Flame",
    "torchscript": "TorchScript",
    "openvino": "OpenVINO",
}


class Actions:
    """``train`` and ``apply`` are set by the page: they open the two large dialogs."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self.train: Callable[[dict[str, Any]], Any] = lambda values: None
        self.apply: Callable[[str], Any] = lambda name: None

    async def do(self, what: str, names: list[str]) -> None:
        """Run the action ``what`` on every run of ``names``; an error of one run does not stop it."""
        if what in ("show", "hide"):
            self.selection.show(names, what == "show")
            return
        await getattr(self, f"_{what}")(names)

    async def rename_to(self, old: str, new: str) -> None:
        """Give a run another name."""
        if not new or new == old:
            return
        app_state = self.selection.app_state
        await asyncio.to_thread(lambda: app_state.run(old).rename(new))
        self.selection.renamed(old, new)
        await app_state.watcher.refresh()
        notify(f"{old} is now called {new}.")

    async def _each(self, names: list[str], action: Callable[[RunFolder], Any]) -> int:
        """Call ``action`` for every run; returns how many succeeded."""
        done, faults = 0, []
        for name in names:
            try:
                await asyncio.to_thread(self._one, name, action)
                done += 1
            except (UnderstudyError, OSError) as error:
                faults.append(error_text(error))
        if faults:
            notify_error("\n\n".join(faults))
        return done

    def _one(self, name: str, action: Callable[[RunFolder], Any]) -> None:
        action(self.selection.app_state.run(name))

    async def _stop(self, names: list[str]) -> None:
        done = await self._each(names, self.selection.app_state.commands.stop)
        if done:
            notify(f"{_runs(done)} will stop after the step, with everything kept.")

    async def _resume(self, names: list[str]) -> None:
        async def go_on(limits: dict[str, Any]) -> None:
            done = await self._each(
                names, lambda each: self.selection.app_state.commands.resume(each, **limits)
            )
            if done:
                notify(f"{_runs(done)} going on.")

        self._ask_limits(
            f"Resume {_named(names)}",
            "Goes on exactly where it stopped. Left empty, the limits of before hold; "
            "a finished run needs more of one of them.",
            "Resume",
            go_on,
        )

    async def _limits(self, names: list[str]) -> None:
        async def change(limits: dict[str, Any]) -> None:
            if not any(limits.values()):
                raise RunError("No limit was given.", remedy="Fill in one of the three.")
            done = await self._each(
                names, lambda each: self.selection.app_state.commands.change_limits(each, **limits)
            )
            if done:
                notify(f"{_runs(done)} going on with the new limit, after the step.")

        self._ask_limits(
            f"Change the limit of {_named(names)}",
            "The run stops after its step, keeps everything, and goes on with the new limit. "
            "A time limit counts from that moment.",
            "Change",
            change,
        )

    def _ask_limits(self, title: str, text: str, button: str, then: Callable[..., Awaitable[None]]) -> None:
        with _dialog(title, text) as dialog:
            fields = {
                name: ui.input(info.label, placeholder="as before").props(
                    f'dense outlined stack-label suffix="{info.unit}"'
                )
                for name, info in LIMITS.items()
            }

            async def confirm() -> None:
                await then({name: (field.value or "").strip() for name, field in fields.items()})
                dialog.close()

            _buttons(dialog, button, confirm)
        dialog.open()

    async def _duplicate(self, names: list[str]) -> None:
        app_state = self.selection.app_state
        values = await asyncio.to_thread(lambda: app_state.commands.settings_of_run(app_state.run(names[0])))
        self.train(values)

    async def _apply(self, names: list[str]) -> None:
        self.apply(names[0])

    async def _export(self, names: list[str]) -> None:
        app_state, name = self.selection.app_state, names[0]
        with _dialog(f"Export {name}", "Its best checkpoint, as files that another program loads.") as dialog:
            target = ui.toggle(EXPORTS, value="nuke").props(
                "no-caps unelevated toggle-color=grey-8 color=grey-10"
            )
            folder = ui.input("Folder", value=str(app_state.data_directory / "exports" / name))
            folder.props("dense outlined")

            async def confirm() -> None:
                await asyncio.to_thread(
                    lambda: app_state.commands.export(app_state.run(name), target.value, folder.value)
                )
                dialog.close()
                notify(f"{name} is being exported to {folder.value}.")

            _buttons(dialog, "Export", confirm)
        dialog.open()

    async def _rename(self, names: list[str]) -> None:
        old = names[0]
        with _dialog(f"Rename {old}", "") as dialog:
            field = ui.input("Name", value=old).props("dense outlined autofocus")

            async def confirm() -> None:
                await self.rename_to(old, field.value.strip())
                dialog.close()

            field.on("keydown.enter", report_errors(confirm))
            _buttons(dialog, "Rename", confirm)
        dialog.open()

    async def _copy_path(self, names: list[str]) -> None:
        text = "\n".join(str(self.selection.app_state.data_directory / name) for name in names)
        ui.clipboard.write(text)
        notify(f"Copied: {text}")

    async def _delete(self, names: list[str]) -> None:
        app_state = self.selection.app_state
        sizes = await asyncio.to_thread(lambda: [app_state.run(name).size() for name in names])
        text = (
            f"Every file of {_named(names)} goes for good: checkpoints, contact sheets, losses. "
            f"That frees {size_text(sum(sizes))}. What else lies in the folder stays."
        )
        with _dialog(f"Delete {_named(names)}?", text) as dialog:

            async def confirm() -> None:
                dialog.close()
                done = await self._each(names, lambda each: each.delete())
                await app_state.watcher.refresh()
                if done:
                    notify(f"{_runs(done)} deleted, {size_text(sum(sizes))} freed.")

            _buttons(dialog, "Delete", confirm, colour="negative")
        dialog.open()


def _dialog(title: str, text: str) -> ui.dialog:
    """A dialog with a title; the block that follows fills it."""
    dialog = ui.dialog()
    dialog.on("hide", dialog.delete)
    with dialog, ui.element("div").classes("us-dialog column") as body:
        ui.label(title).classes("us-head-line")
        if text:
            ui.label(text).classes("us-words us-small")
    return _DialogBody(dialog, body)  # type: ignore[return-value]


class _DialogBody:
    """A context that enters the dialog's body and returns the dialog."""

    def __init__(self, dialog: ui.dialog, body: ui.element) -> None:
        self.dialog, self.body = dialog, body

    def __enter__(self) -> ui.dialog:
        self.body.__enter__()
        return self.dialog

    def __exit__(self, *exception: Any) -> None:
        self.body.__exit__(*exception)


def _buttons(dialog: ui.dialog, text: str, confirm: Callable[[], Any], colour: str = "primary") -> None:
    with ui.element("div").classes("us-row").style("justify-content: flex-end"):
        ui.button("Cancel", on_click=dialog.close).props("flat color=grey-5")
        ui.button(text, on_click=report_errors(confirm)).props(f"unelevated color={colour}")


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _named(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} runs"
