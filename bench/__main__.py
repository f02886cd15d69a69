"""``python -m bench [NAME...] [--records N]``: run benchmarks; without names, all of them."""

from __future__ import annotations

import argparse
import importlib

# in this order: import makes the data
NAMES = {"import": "ingest", "mapping": "mapping", "cone": "cone", "scs": "scs", "placement": "placement"}
BY_NAME = {"search": "search", "large": "large"}  # with peers, and long: only when asked for


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description="Asterism's benchmarks")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"any of {', '.join(NAMES | BY_NAME)}; without one, the first {len(NAMES)}",
    )
    parser.add_argument("--records", type=int, default=1_000_000, help="catalogue size (1000000)")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(NAMES | BY_NAME):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES | BY_NAME)}")
    for name in chosen.names or NAMES:
        importlib.import_module(f"bench.{(NAMES | BY_NAME)[name]}").run(chosen.records)


if __name__ == "__main__":
    main()
