"""tokens.toml: who may use the server, each by a token of his own, which models, and how often."""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from understudy.errors import SettingError
from understudy.server.token import LONGEST, is_usable

MOST = 10_000
FILE_LIMIT = 4 << 20
NAME = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
RATE = re.compile(r"(?P<count>\d{1,6})/(?P<unit>s|min|h)")
SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}
KEYS = ("token", "sha256", "models", "rate")
FORM = "NAME with token (or sha256, of one), and, where not all is allowed, models and rate"


@dataclass(frozen=True)
class Rate:
    """At most ``count`` requests in so many ``seconds``, all at once if need be."""

    count: int
    seconds: float


@dataclass(frozen=True)
class Grant:
    """What the bearer of one token may use: ``models`` are patterns, as in ``hero_*``, of their names."""

    name: str
    digest: bytes = field(repr=False)
    models: tuple[str, ...] = ("*",)
    rate: Rate | None = None

    def allows(self, model: str) -> bool:
        return any(fnmatchcase(model, each) for each in self.models)


EVERYBODY = Grant("", b"")
"""Who comes where no token is asked for."""


class Access:
    """Who may use the server. What it knows is exchanged while requests go on; thread-safe."""

    def __init__(self, grants: tuple[Grant, ...] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self._lock, self._clock = threading.Lock(), clock
        self._left: dict[str, tuple[Rate, float, float]] = {}
        self.grants = grants

    def replace(self, grants: tuple[Grant, ...]) -> None:
        """From now on these. What each has used up of its rate stays used up."""
        self.grants = grants

    @property
    def is_open(self) -> bool:
        """Whether no token is asked for."""
        return not self.grants

    def find(self, token: str) -> Grant | None:
        """Whose token it is. All are compared, in the same time whichever it is."""
        digest, found = digest_of(token), None
        for grant in self.grants:
            if hmac.compare_digest(grant.digest, digest):
                found = grant
        return found

    def wait_for(self, grant: Grant) -> float:
        """Take one request from what the rate of ``grant`` allows: 0, or in how many seconds there is one."""
        if grant.rate is None:
            return 0.0
        with self._lock:
            now, rate = self._clock(), grant.rate
            known, left, at = self._left.get(grant.name, (rate, float(rate.count), now))
            each = rate.seconds / rate.count
            left = min(left if known == rate else float(rate.count), float(rate.count))
            left = min(float(rate.count), left + (now - at) / each)
            allowed = left >= 1
            self._left[grant.name] = rate, left - allowed, now
            return 0.0 if allowed else (1 - left) * each


def digest_of(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def grant_of_token(token: str) -> Grant:
    """The one token of ``--token-file``, which may use everything."""
    return Grant("token", digest_of(token))


def read_tokens(path: Path) -> tuple[Grant, ...]:
    """The grants in a file of such tables:

        [alice]
        token = "..."              # or sha256 = "...": of the token, in hexadecimal digits
        models = ["hero_*"]        # all where it is not given
        rate = "20/s"              # or /min, /h; without it as often as she likes

    SettingError where it cannot be read, or says something else.
    """
    try:
        if path.stat().st_size > FILE_LIMIT:
            raise _wrong(path, f"at most {FILE_LIMIT} bytes", "more")
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SettingError("The file of tokens cannot be read.", found=str(error), where=str(path)) from error
    if not tables or len(tables) > MOST:
        raise _wrong(path, f"1 to {MOST} tables, one for each token: {FORM}", f"{len(tables)}")
    grants = tuple(_grant(name, table, path) for name, table in tables.items())
    _check_apart(grants, path)
    return grants


def _grant(name: str, table: Any, path: Path) -> Grant:
    where = f"[{name[:80]}]"
    if not NAME.fullmatch(name) or not isinstance(table, Mapping):
        raise _wrong(path, f"tables whose names are letters, digits and _.@-: {FORM}", where)
    unknown = sorted(set(table) - set(KEYS))
    if unknown:
        raise _wrong(path, f"{', '.join(KEYS)} in {where}", ", ".join(unknown)[:200])
    models = table.get("models", ["*"])
    if not isinstance(models, list) or not all(isinstance(each, str) and each for each in models):
        raise _wrong(path, f"models in {where} as a list of names or patterns", str(models)[:200])
    return Grant(name, _digest(table, where, path), tuple(models), _rate(table.get("rate"), where, path))


def _digest(table: Mapping[str, Any], where: str, path: Path) -> bytes:
    token, digest = table.get("token"), table.get("sha256")
    if (token is None) == (digest is None):
        raise _wrong(path, f"token or sha256 in {where}", "both" if token is not None else "neither")
    if digest is not None:
        if not isinstance(digest, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", digest):
            raise _wrong(path, f"64 hexadecimal digits as sha256 in {where}", "something else")
        return bytes.fromhex(digest)
    if not isinstance(token, str) or len(token) > LONGEST or not is_usable(token):
        raise _wrong(path, f"at least 16 printable characters without a space as token in {where}", "less")
    return digest_of(token)


def _rate(text: Any, where: str, path: Path) -> Rate | None:
    if text is None:
        return None
    found = RATE.fullmatch(text) if isinstance(text, str) else None
    if found is None or int(found["count"]) == 0:
        raise _wrong(path, f'a rate in {where} such as "20/s", "600/min" or "1000/h"', str(text)[:200])
    return Rate(int(found["count"]), SECONDS[found["unit"]])


def _check_apart(grants: tuple[Grant, ...], path: Path) -> None:
    """One token of two names would be audited as either."""
    names: dict[bytes, str] = {}
    for grant in grants:
        other = names.setdefault(grant.digest, grant.name)
        if other != grant.name:
            raise _wrong(path, "a token of his own for each", f"the same one for {other} and {grant.name}")


def _wrong(path: Path, expected: str, found: str) -> SettingError:
    return SettingError(
        "The file of tokens does not say who may do what.", expected=expected, found=found, where=str(path)
    )
