"""A catalogue of benchmark records, made once by the ordinary command line and kept for the other benchmarks."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from bench.records import lines

HOME = Path(os.environ.get("ASTERISM_BENCH_DATA", Path(__file__).parent / "run"))


def asterism(*arguments: str, folder: Path) -> None:
    """Run the command line on the catalogue in ``folder``."""
    command = [sys.executable, "-m", "asterism", "--config", str(folder / "asterism.toml"), *arguments]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def source_file(count: int) -> Path:
    """The records as JSON lines; made when it is not there."""
    HOME.mkdir(parents=True, exist_ok=True)
    path = HOME / f"records-{count}.jsonl"
    if not path.exists():
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            file.writelines(lines(count))
        part.rename(path)
    return path


def imported(count: int, *, again: bool = False) -> tuple[Path, float | None]:
    """The catalogue's folder, and the seconds its import took if it was made now."""
    folder = HOME / f"catalogue-{count}"
    if folder.exists() and not again:
        return folder, None
    path = source_file(count)
    if folder.exists():
        import shutil

        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / "asterism.toml").write_text('data = "data"\n')
    asterism("init", folder=folder)
    start = time.perf_counter()
    asterism("import", "--source", "bench", str(path), folder=folder)
    return folder, time.perf_counter() - start
