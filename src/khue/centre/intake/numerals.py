"""Numbers as people type them: decimal commas, thousands points, units behind them."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[-+]?[0-9][0-9.,' \u00a0]*(?:[eE][-+]?[0-9]{1,3})?")
_THOUSANDS_POINTS = re.compile(r"[-+]?[0-9]{1,3}(?:\.[0-9]{3}){2,}")
_THOUSANDS_COMMAS = re.compile(r"[-+]?[0-9]{1,3}(?:,[0-9]{3}){2,}")


def number(text: str) -> tuple[float, bool] | None:
    """(value, whether the decimal sign was a comma) of the number a text begins with; None when it begins with none.

    "21,0285" -> 21.0285; "1.234,5" -> 1234.5; "1,234.5" -> 1234.5; "2.000.000" -> 2000000.
    """
    found = _NUMBER.match(text.strip())
    if found is None or len(found.group()) > 40:
        return None
    digits = re.sub("[' \u00a0]", "", found.group()).rstrip(".,")
    comma = False
    if _THOUSANDS_POINTS.fullmatch(digits):
        digits = digits.replace(".", "")
    elif _THOUSANDS_COMMAS.fullmatch(digits):
        digits = digits.replace(",", "")
    elif "," in digits and "." in digits:
        comma = digits.rfind(",") > digits.rfind(".")
        digits = digits.replace(".", "").replace(",", ".") if comma else digits.replace(",", "")
    elif "," in digits:
        comma = True
        digits = digits.replace(",", ".")
    try:
        return float(digits), comma
    except ValueError:
        return None


def rest(text: str) -> str:
    """What follows the number a text begins with: its unit."""
    found = _NUMBER.match(text.strip())
    return text.strip()[found.end() :].strip() if found else text.strip()
