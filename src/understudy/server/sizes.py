"""Amounts of memory as people write them: 1GB, 512 MB, 65536."""

from __future__ import annotations

import re

from understudy.errors import SettingError

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_FORM = re.compile(r"\s*(\d{1,12}(?:\.\d{1,6})?)\s*([A-Za-z]{0,3})\s*", re.ASCII)


def parse_size(text: str | int) -> int:
    """Bytes from ``text``; ``SettingError`` when it is not an amount above zero."""
    found = _FORM.fullmatch(str(text))
    unit = _UNITS.get(found[2].upper()) if found else None
    size = int(float(found[1]) * unit) if found and unit else 0
    if size < 1:
        raise SettingError(
            "That is not an amount of memory.", expected="such as 512MB or 1GB", found=repr(text)
        )
    return size
