"""Tables and progress, on a terminal and in a log."""

from __future__ import annotations

import io
from typing import Any

import pytest

from asterism import output


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_numbers_stand_right_and_words_left() -> None:
    made = output.table(["source", "new", "seconds"], [["a", 5, 0.04], ["longer", 1000, 12.0]])
    assert made.splitlines() == ["source   new  seconds", "a          5      0.0", "longer  1000     12.0"]


def test_nothing_is_shown_as_a_hyphen() -> None:
    assert output.table(["a", "b"], [[None, 1]]).splitlines() == ["a  b", "-  1"]
    assert output.table(["a", "b"], []) == "a  b"


def test_wide_characters_and_accents_keep_the_columns() -> None:
    rows = [["Völklingen", 1], ["Vo\u0308lk", 2], ["天文", 3]]
    ends = {line.rindex(line.strip()[-1]) - _extra(line) for line in output.table(["t", "n"], rows).splitlines()[1:]}
    assert len(ends) == 1


def _extra(line: str) -> int:
    return line.count("\u0308") - sum(c in "天文" for c in line)


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[31mb", "a\u202eb", "a\x00b"])
def test_text_is_harmless(text: str) -> None:
    assert output.plain(text).isprintable()


def test_a_line_is_cut_to_the_terminal() -> None:
    assert output.table(["t"], [["x" * 50]], width=10).splitlines() == ["t", "x" * 10]


def test_progress_rewrites_one_line_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(100))
    monkeypatch.setattr("asterism.output.time.monotonic", lambda: float(next(clock)))
    stream: Any = Terminal()
    progress = output.Progress(stream)
    progress("one")
    progress("two")
    progress.say("it failed")
    progress.close()
    assert stream.getvalue() == "\r\x1b[Kone\r\x1b[Ktwo\r\x1b[Kit failed\n"


def test_progress_is_seldom_in_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("asterism.output.time.monotonic", lambda: now[0])
    stream = io.StringIO()
    progress = output.Progress(stream)
    for second in range(25):
        now[0] = float(second)
        progress(f"at {second}")
    progress.close()
    assert stream.getvalue() == "at 10\nat 20\n"
