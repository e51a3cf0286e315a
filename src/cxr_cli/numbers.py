"""How numbers are written, in output, pages and documents alike: "0.842", "82%", "0.713 to 0.971".

A minus is a hyphen, so that a number can be copied into a program; only charts have the true minus sign.
"""

from typing import Protocol

UNDEFINED = "–"  # in place of a figure that isn't defined


class _Interval(Protocol):
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


def figure(value: float | None, digits: int = 3, *, signed: bool = False) -> str:
    """A figure as text, three decimals unless it says otherwise; `UNDEFINED` for None. Never "-0.000"."""
    if value is None:
        return UNDEFINED
    return f"{round(value, digits) + 0.0:{'+' if signed else ''}.{digits}f}"


def p_value(value: float | None) -> str:
    """A p value as text, `UNDEFINED` for None."""
    return "< 0.001" if value is not None and value < 0.001 else figure(value)


def percent(share: float | None, digits: int = 0) -> str:
    """A share in [0, 1] as text, `UNDEFINED` for None."""
    return UNDEFINED if share is None else f"{share:.{digits}%}"


def spread(interval: _Interval | None, digits: int = 3, *, signed: bool = False) -> str:
    """An interval as text, empty for None."""
    if interval is None:
        return ""
    return f"{figure(interval.low, digits, signed=signed)} to {figure(interval.high, digits, signed=signed)}"


def with_spread(value: float | None, interval: _Interval | None, digits: int = 3, *, signed: bool = False) -> str:
    """A figure with its interval in brackets, where it has one."""
    around = f" ({spread(interval, digits, signed=signed)})" if value is not None and interval else ""
    return figure(value, digits, signed=signed) + around
