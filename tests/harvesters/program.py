"""The installed program, run as a user runs it: its own process, its own settings file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Program:
    """``asterism`` in a folder of its own, with the given sources (TOML)."""

    def __init__(self, folder: Path, sources: str) -> None:
        self.config = folder / "asterism.toml"
        self.config.write_text(f'data = "kept"\ncontact = "test@example.org"\n{sources}')

    def __call__(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "asterism", "--config", str(self.config), *arguments]
        clean = {name: value for name, value in os.environ.items() if name not in ("ASTERISM_CONFIG", "ASTERISM_DATA")}
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=clean)
        assert done.returncode == 0, f"{arguments} exited {done.returncode}: {done.stderr}{done.stdout}"
        return done.stdout

    def records(self, text: str = "", **fields: str) -> list[dict[str, Any]]:
        """What a search for it shows."""
        options = [word for name, value in fields.items() for word in (f"--{name}", value)]
        out = self("search", *([text] if text else []), *options, "--limit", "1000", "--format", "jsonl")
        return [json.loads(line) for line in out.splitlines()]


def until(told: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Wait for what a server does in its own time."""
    end = time.monotonic() + seconds
    while not told():
        assert time.monotonic() < end, f"not in {seconds} s: {what}"
        time.sleep(0.2)
