"""For code that makes millions of small objects without cycles: the collector only costs there, up to 40 % of an import."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Put off Python's cyclic garbage collector; reference counts go on freeing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
