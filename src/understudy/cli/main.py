"""Finds the command, runs it, and turns every error into a message and an exit code."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from understudy.cli.streams import prepare_streams
from understudy.cli.text import unbroken
from understudy.errors import SettingError, UnderstudyError
from understudy.version import __version__

if TYPE_CHECKING:
    from cyclopts import App, CycloptsError


@dataclass(frozen=True)
class Command:
    """A row of the table below. ``module`` has a function ``command`` whose signature gives the flags."""

    name: str
    module: str
    summary: str


# Imported only when called for, so that --help is there at once and `runs` never waits for torch.
COMMANDS = (
    Command("check", "understudy.cli.check", "Say what is wrong with pairs of plate and ground truth."),
    Command("suggest", "understudy.cli.suggest", "Say which frames of a shot to paint, and why."),
    Command("train", "understudy.cli.train", "Learn an effect from a few frames."),
    Command("resume", "understudy.cli.resume", "Go on with a run that was stopped or killed."),
    Command("correct", "understudy.cli.correct", "Put right what a run makes wrong; it learns that."),
    Command("stop", "understudy.cli.stop", "Ask a run to stop after its step and keep everything."),
    Command("apply", "understudy.cli.apply", "Apply a trained network to a plate."),
    Command("batch", "understudy.cli.batch", "Do many jobs of a file, after each other or at once."),
    Command("farm apply", "understudy.cli.farm_apply", "Apply a network on a render farm."),
    Command("farm train", "understudy.cli.farm_train", "Learn an effect on a render farm."),
    Command("farm submit", "understudy.cli.farm_submit", "Hand a job that was written over to its farm."),
    Command("runs", "understudy.cli.runs", "List, rename or delete the runs of a data directory."),
    Command("models", "understudy.cli.models", "List the networks that come trained, with what they do."),
    Command("info", "understudy.cli.info", "Say what a file or a run is, and what it learned from."),
    Command(
        "report", "understudy.cli.report", "Make a page on a result: risk, flicker, worst frames, pairs."
    ),
    Command("monitor", "understudy.cli.monitor", "Watch, compare and steer training from a page."),
    Command("serve", "understudy.cli.serve", "Serve networks live to the compositing program."),
    Command("export", "understudy.cli.export", "Make files that other programs load."),
    Command("import", "understudy.cli.import_model", "Bring in a network that another program has made."),
    Command("nuke-plugin", "understudy.cli.nuke_plugin", "Install the menu for Nuke."),
)

HELP_FLAGS = ("--help", "-h", "help")


def commands() -> tuple[Command, ...]:
    """The commands of this installation."""
    return tuple(c for c in COMMANDS if importlib.util.find_spec(c.module) is not None)


def run(argv: Sequence[str]) -> int:
    """Run the command line ``argv`` (without the program's name); the exit code. Never raises."""
    prepare_streams()
    try:
        code = _dispatch(list(argv))
        if code:
            _tell_farm(f"understudy {' '.join(argv[:1])} ended with {code}; the log says what failed")
        sys.stdout.flush()
        return code
    except UnderstudyError as error:
        return _say(error)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read our output has left (| head). Python would complain once more while closing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except Exception as error:
        return _own_fault(error)


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0] in HELP_FLAGS:
        print(overview())
        return 0
    if argv[0] in ("--version", "-V"):
        print(__version__)
        return 0
    group = _group(argv[0])
    if group and (len(argv) == 1 or argv[1] in HELP_FLAGS):
        print(overview(group))
        return 0
    words = 2 if group else 1
    command = _find(" ".join(argv[:words]))
    module = importlib.import_module(command.module)
    return _call(app_for(command, module), argv[words:])


def _group(word: str) -> tuple[Command, ...]:
    """The commands of two words that begin with this one."""
    return tuple(command for command in commands() if command.name.startswith(f"{word} "))


def _find(name: str) -> Command:
    known = {command.name: command for command in commands()}
    if name in known:
        return known[name]
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1)
    raise SettingError(
        f"There is no command called {name!r}."
        if name[:1] != "-"
        else f"There is no option called {name!r}.",
        expected=", ".join(known),
        remedy=f"Did you mean: understudy {near[0]}?" if near else "See: understudy --help",
    )


def overview(shown: tuple[Command, ...] = ()) -> str:
    """The help of the program: one line for each command, or for those that are ``shown``."""
    width = max(len(command.name) for command in COMMANDS) + 2
    lines = [f"  {command.name:<{width}}{command.summary}" for command in shown or commands()]
    return "\n".join(
        [
            "Show it a few frames; it plays the rest of the shot.",
            "",
            "Usage: understudy COMMAND [OPTIONS]",
            "",
            *lines,
            "",
            "understudy COMMAND --help tells more about one of them.",
        ]
    )


def app_for(command: Command, module: ModuleType) -> App:
    """The parser of one command: its flags are the signature of ``module.command``."""
    from cyclopts import App, Parameter

    from understudy.cli.flags import MAIN

    function: Callable[..., Any] = module.command
    function.__doc__ = unbroken(function.__doc__ or "")
    usage = getattr(function, "usage", None)
    app = App(
        usage=f"Usage: understudy {command.name} {usage}" if usage else None,
        name=f"understudy {command.name}",
        help_format="plaintext",
        version_flags=(),
        help_flags=("--help", "-h"),
        result_action="return_value",
        suppress_keyboard_interrupt=False,
        group_parameters=MAIN,
        default_parameter=Parameter(negative=(), show_default=_shown),
    )
    app["--help"].show = False
    app.default(function)
    return app


def _shown(default: object) -> str | None:
    """A default that tells something: not "no" for a switch, and nothing for nothing."""
    nothing = default is False or default is None or default in ((), "")
    return None if nothing else str(default)


def _call(app: App, argv: list[str]) -> int:
    from cyclopts import CycloptsError

    try:
        result = app(argv, print_error=False, exit_on_error=False)
    except CycloptsError as error:
        raise _usage(error, app.name[0]) from None
    return result if isinstance(result, int) else 0


def _usage(error: CycloptsError, name: str) -> SettingError:
    from cyclopts import MissingArgumentError, UnusedCliTokensError

    text = str(error).strip().replace("\n", " ")
    if isinstance(error, MissingArgumentError) and error.keyword is None and error.argument is not None:
        text = f"{error.argument.name} is missing."
    if isinstance(error, UnusedCliTokensError):
        text = "There is no place for: " + " ".join(error.unused_tokens or ())
    return SettingError(text, remedy=f"See: {name} --help")


def _say(error: UnderstudyError) -> int:
    print(f"Error: {error}", file=sys.stderr)
    _show_trace_if_asked()
    _tell_farm(str(error))
    return error.exit_code


def _tell_farm(reason: str) -> None:
    from understudy.cli.farm_screen import say_failed

    say_failed(reason)


def _show_trace_if_asked() -> None:
    if os.environ.get("UNDERSTUDY_DEBUG"):
        import traceback

        traceback.print_exc()


def _own_fault(error: Exception) -> int:
    """What nobody foresaw. The artist is told that it is not his fault, the traceback goes into a file."""
    print(f"Error: a fault of the program: {type(error).__name__}: {error}", file=sys.stderr)
    print(f"  where: {_write_trace()}", file=sys.stderr)
    print("  what to do: Report it, with that file. What was finished is kept.", file=sys.stderr)
    _show_trace_if_asked()
    return 1


def _write_trace() -> str:
    import tempfile
    import traceback

    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="understudy-", suffix=".log", delete=False, encoding="utf-8", errors="replace"
        ) as file:
            file.write(f"understudy {__version__}\n{sys.version}\n{' '.join(sys.argv)}\n\n")
            traceback.print_exc(file=file)
        return file.name
    except OSError:
        return "no log could be written; UNDERSTUDY_DEBUG=1 shows it here"
