"""What people see: tables on stdout, progress on stderr."""

from __future__ import annotations

import shutil
import sys
import time
import unicodedata
from collections.abc import Sequence
from typing import TextIO

QUIET_SECONDS = 10.0  # a log that is not a terminal gets a line this often
_TERMINAL_SECONDS = 0.1


def plain(text: object) -> str:
    """``text`` on one line and harmless to a terminal: a harvested title may hold escape sequences."""
    if text is None:
        return ""
    return "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs") else c for c in str(text))


def table(header: Sequence[str], rows: Sequence[Sequence[object]], *, width: int | None = None) -> str:
    """Columns under a header, numbers to the right; the last column is cut to fit ``width`` characters."""
    cells = [list(header), *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(_columns, column)) for column in zip(*cells, strict=True)]
    right = [bool(rows) and all(isinstance(row[n], int | float | None) for row in rows) for n in range(len(header))]
    lines = []
    for line in cells:
        padded = [
            " " * (widths[n] - _columns(text)) + text if right[n] else text + " " * (widths[n] - _columns(text))
            for n, text in enumerate(line)
        ]
        joined = "  ".join(padded).rstrip()
        lines.append(joined if width is None else joined[:width])
    return "\n".join(lines)


def terminal_width(stream: TextIO | None = None) -> int | None:
    """The terminal's width in characters, or None where the output goes to a file or another program."""
    return shutil.get_terminal_size().columns if (stream or sys.stdout).isatty() else None


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.1f}"
    return plain(value)


def _columns(text: str) -> int:
    """How many columns a terminal gives to ``text`` (Unicode UAX 11: wide characters take two)."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


class Progress:
    """One line that is rewritten on a terminal, or a new line now and then in a log."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._last = time.monotonic()
        self._open = False

    def __call__(self, text: str) -> None:
        """Show ``text`` if it is time for it."""
        now = time.monotonic()
        if now - self._last < (_TERMINAL_SECONDS if self._terminal else QUIET_SECONDS):
            return
        self._last = now
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write("\r\x1b[K" + plain(text)[:width])
            self._open = True
        else:
            self._stream.write(plain(text) + "\n")
        self._stream.flush()

    def say(self, text: str) -> None:
        """Show ``text`` on a line of its own, now."""
        self.close()
        self._stream.write(plain(text) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Wipe the line that is being rewritten."""
        if self._open:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._open = False
