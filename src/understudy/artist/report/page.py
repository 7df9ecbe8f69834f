"""The page: facts as one HTML file, everything from outside escaped, no scripts and no outside links."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

from understudy.artist.report.charts import change_curve, risk_strip, top_of
from understudy.artist.report.facts import CorrectionFacts, Facts, Finding, PairFacts, WorstFrame
from understudy.frames import format_numbers

STYLE = Path(__file__).with_name("style.css")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' file: data:; media-src 'self' file:"


def page(facts: Facts) -> str:
    """The whole file."""
    title = f"{facts.run} · report"
    parts = (
        _header(facts),
        _tiles(facts),
        _risk(facts),
        _steadiness(facts),
        _worst(facts),
        _movie(facts),
        _pairs(facts),
        _corrections(facts.corrections),
        _table("Settings", "What the run was asked for; everything else was left to choose.", facts.settings),
        _table(
            "Provenance", "Which networks made these frames, and how the run's came about.", facts.provenance
        ),
        _notes(facts.notes),
        f"<footer>Understudy {_e(facts.version)}, {_e(facts.made)}. The figures: report.json.</footer>",
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_e(POLICY)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_e(title)}</title><style>{STYLE.read_text(encoding='utf-8')}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _header(facts: Facts) -> str:
    made = f" · {_e(facts.result)}" if facts.result else ""
    return (
        f'<header><div class="overline">Report on a result</div><h1>{_e(facts.run)}</h1>'
        f"<p>{_e(facts.plate)}{made}</p></header>"
    )


def _tiles(facts: Facts) -> str:
    numbers = tuple(each.frame for each in facts.frames)
    painted = sum(each.painted for each in facts.frames) or sum(not pair.empty for pair in facts.pairs)
    tiles = [
        ("Frames", str(len(numbers)), format_numbers(numbers)),
        (
            "Painted",
            str(painted),
            "frames that it learned from",
        ),
        ("Change along motion", _code(facts.steady.get("result")), "8-bit code values, result"),
        ("The plate itself", _code(facts.steady.get("plate")), "8-bit code values, for comparison"),
    ]
    errors = [each.expected_error for each in facts.frames if each.expected_error is not None]
    if errors:
        tiles.append(
            (
                "Expected error",
                f"{sum(errors) / len(errors):.3g}",
                f"{facts.measure}, mean; largest {max(errors):.3g}",
            )
        )
    if facts.findings is not None:
        tiles.append(("Findings in the pairs", str(len(facts.findings)), "see below"))
    cells = (
        f"<div><dt>{_e(name)}</dt><dd>{_e(value)}<small>{_e(words)}</small></dd></div>"
        for name, value, words in tiles
    )
    return f'<dl class="tiles">{"".join(cells)}</dl>'


def _risk(facts: Facts) -> str:
    known = any(each.expected_error is not None for each in facts.frames)
    words = (
        "How much error is to be expected of each frame, without its truth being known: the higher, the "
        "more; the redder, the more than of most, and the sooner it wants to be looked at, or painted."
        if known
        else "No expectation of the error is known for this run; marks show what was painted."
    )
    strip = f'<img class="strip" src="{_e(facts.strip)}" alt="Frames of the result">' if facts.strip else ""
    key = _key((("--painted", "painted"), ("--corrected", "corrected")))
    return _section("Risk", words, strip + risk_strip(facts.frames) + _axis(facts) + key)


def _steadiness(facts: Facts) -> str:
    if not facts.steady:
        return _section(
            "Flicker along the motion", "No two frames follow each other: there is no motion to measure.", ""
        )
    top = top_of(facts.frames)
    axis = f'<div class="y"><span>{top:g}</span><span>{top / 2:g}</span><span>0</span></div>'
    plot = f'<div class="plot">{axis}{change_curve(facts.frames, top)}{_axis(facts)}</div>'
    words = (
        "Mean change from one frame to the next along the motion of the plate, in 8-bit code values. Where "
        "the result lies well above the plate it flickers, or its edge crawls."
    )
    if facts.cuts:
        words += f" Cuts at {format_numbers(facts.cuts)}."
    return _section(
        "Flicker along the motion", words, plot + _key((("--result", "result"), ("--plate", "plate")))
    )


def _worst(facts: Facts) -> str:
    if not facts.worst:
        return ""
    words = f"The frames to look at first, {facts.ranked_by}."
    return _section("Worst frames", words, "".join(_worst_row(each) for each in facts.worst))


def _worst_row(worst: WorstFrame) -> str:
    reason = f" <span>{_e(worst.reason)}</span>" if worst.reason else ""
    shown = "".join(
        f'<figure><img src="{_e(file)}" alt="{_e(name)}, frame {worst.frame}">'
        f"<figcaption>{_e(name)}</figcaption></figure>"
        for name, file in worst.pictures.items()
    )
    return f'<div class="worst"><h3>Frame {worst.frame}{reason}</h3>{shown}</div>'


def _movie(facts: Facts) -> str:
    if not facts.movie:
        return ""
    video = f'<video controls loop muted playsinline preload="metadata" src="{_e(facts.movie)}"></video>'
    shown = _section("Before and after", "The plate on the left, the result on the right.", video)
    return f'<div class="screen">{shown}</div>'  # paper shows no movie


def _pairs(facts: Facts) -> str:
    body = _findings(facts.findings)
    if facts.pairs:
        body += f'<div class="pairs">{"".join(_pair(each) for each in facts.pairs)}</div>'
    return _section("Pairs", "What the run learned from: plate and ground truth.", body)


def _pair(pair: PairFacts) -> str:
    picture = f'<img src="{_e(pair.picture)}" alt="{_e(pair.name)}">' if pair.picture else ""
    words = f"{pair.name}, frame {pair.frame}" + (
        ", kept apart" if pair.held_out else ", nothing on it" if pair.empty else ""
    )
    words += "" if pair.picture else " (its files are no longer there)"
    return f"<figure>{picture}<figcaption>{_e(words)}</figcaption></figure>"


def _findings(findings: tuple[Finding, ...] | None) -> str:
    if findings is None:
        return ""
    if not findings:
        return "<p>Nothing was found wrong with them.</p>"
    items = (f"<li><b>{_e(each.where)}</b>: {_e(each.text)} {_e(each.remedy)}</li>" for each in findings)
    return f'<ul class="findings">{"".join(items)}</ul>'


def _corrections(corrections: tuple[CorrectionFacts, ...]) -> str:
    if not corrections:
        return ""
    head = "<tr><th>No.</th><th>Kind</th><th>Frames</th><th>Author</th><th>Made</th></tr>"
    rows = "".join(_correction(each) for each in corrections)
    return _section("Corrections", "", f'<div class="scroll"><table>{head}{rows}</table></div>')


def _correction(each: CorrectionFacts) -> str:
    cells = (str(each.id), each.kind, each.frames, each.author, _day(each.time))
    undone = ' class="undone"' if each.undone else ""
    return "<tr>" + "".join(f"<td{undone}>{_e(cell)}</td>" for cell in cells) + "</tr>"


def _table(heading: str, words: str, values: Mapping[str, str]) -> str:
    if not values:
        return ""
    rows = "".join(f"<tr><th>{_e(name)}</th><td>{_e(value)}</td></tr>" for name, value in values.items())
    return _section(heading, words, f"<table>{rows}</table>")


def _notes(notes: Iterable[str]) -> str:
    items = "".join(f"<li>{_e(note)}</li>" for note in notes)
    return _section("Notes", "", f'<ul class="notes">{items}</ul>') if items else ""


def _section(heading: str, words: str, body: str) -> str:
    return f"<section><h2>{_e(heading)}</h2>{f'<p>{_e(words)}</p>' if words else ''}{body}</section>"


def _key(entries: Iterable[tuple[str, str]]) -> str:
    items = (f'<span><i style="background:var({colour})"></i>{_e(name)}</span>' for colour, name in entries)
    return f'<div class="key">{"".join(items)}</div>'


def _axis(facts: Facts) -> str:
    numbers = [each.frame for each in facts.frames]
    if not numbers:
        return ""
    middle = numbers[len(numbers) // 2]
    shown = (numbers[0], middle, numbers[-1]) if len(numbers) > 2 else numbers
    return f'<div class="axis">{"".join(f"<span>{each}</span>" for each in shown)}</div>'


def _code(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _day(seconds: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds else ""
    except (OverflowError, ValueError, OSError):
        return ""


def _e(text: str) -> str:
    """Safe in text and in attributes."""
    return escape(text, quote=True)
