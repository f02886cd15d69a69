"""How the code is kept, as far as a program can tell. Each test first proves that it looks at something."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = [*PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"], "demo", "bench"]
IMPORT_LINTER = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"]

# A module with such a name holds what nobody found a place for
NAMELESS = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}

# Written in pieces, or this file would be found
LEAKS = {
    "a path of somebody's machine": re.compile(r"(?<![\w.$}~-])/(?:work|root|home|Users)" + r"/[\w.]"),
    "a path under the temporary folder": re.compile(r"(?<![\w.$}~-])/tmp" + r"/[\w.]"),
    "a host of a package registry": re.compile(
        r"pypi\.(?:org|io)|python[h]osted|crates\.io|npm[j]s|repo1?\.maven|deb\.debian"
    ),
    "a private key": re.compile("-----BEGIN [A-Z ]*PRIVATE" + " KEY"),
    "an access token": re.compile(r"\b(?:gh[pousr]_|github_pat_|glpat-|sk-ant-|AKIA|xox[bp]-)[\w-]{12,}"),
}


def committed() -> list[Path]:
    """All files that git knows; all but hidden folders where there is no git, as in the sdist."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]
    paths = (path for path in ROOT.rglob("*") if path.is_file())
    return [path for path in paths if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)]


MODULES = [path for path in committed() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in PACKAGES]


def lint_imports(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*IMPORT_LINTER, *arguments], cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )


def test_each_room_imports_only_those_above_it() -> None:
    done = lint_imports(cwd=ROOT)
    analyzed = re.search(r"Analyzed (\d+) files", done.stdout)
    assert analyzed and int(analyzed[1]) > len(MODULES) / 2, done.stdout
    assert done.stdout.count(" KEPT") == len(PROJECT["tool"]["importlinter"]["contracts"]) > 1, done.stdout
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "line"), [("schemas", "import catalog"), ("mappings", "import harvesters"), ("mappings", "import httpx")]
)
def test_the_contract_can_be_broken(module: str, line: str, tmp_path: Path) -> None:
    for package in PROJECT["tool"]["importlinter"]["root_packages"]:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(f"{line}\n" if package == module else "")
    for contract in PROJECT["tool"]["importlinter"]["contracts"]:
        for name in [*contract.get("source_modules", ()), *contract.get("forbidden_modules", ())]:
            package, dot, part = name.partition(".")
            if dot and (tmp_path / package).is_dir():
                (tmp_path / package / f"{part}.py").touch()
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    done = lint_imports(cwd=tmp_path)
    assert done.returncode != 0 and " BROKEN" in done.stdout, done.stdout + done.stderr


def test_modules_are_named_after_what_they_hold() -> None:
    names = {path: path.parent.name if path.stem == "__init__" else path.stem for path in MODULES}
    assert {"record", "rucio", "sky", "cli"} <= set(names.values())
    assert [str(path.relative_to(ROOT)) for path, name in names.items() if name in NAMELESS] == []


def test_every_module_says_what_it_holds() -> None:
    said = {path: ast.get_docstring(ast.parse(path.read_text())) for path in MODULES}
    assert {ROOT / package / "__init__.py" for package in PACKAGES} <= set(said)
    assert [str(path.relative_to(ROOT)) for path, words in said.items() if not words] == []


@pytest.mark.parametrize("what", LEAKS)
def test_nothing_of_a_machine_is_committed(what: str) -> None:
    files = [path for path in committed() if path.name != "uv.lock"]  # a lock file is made of registry addresses
    assert ROOT / "pyproject.toml" in files and len(files) > len(MODULES)
    found = []
    for path in files:
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if LEAKS[what].search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert found == []


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("a path of somebody's machine", 'open("' + "/ho" + 'me/me/x")'),
        ("a path under the temporary folder", "see /t" + "mp/x.log"),
        ("a host of a package registry", "https://pypi" + ".org/simple"),
        ("a private key", "-----BEGIN RSA PRIVATE" + " KEY-----"),
        ("an access token", "gh" + "p_0123456789abcdef"),
    ],
)
def test_a_leak_would_be_seen(what: str, line: str) -> None:
    assert LEAKS[what].search(line)
    assert not LEAKS[what].search("https://example.org/work/x ${TMPDIR:-/tmp} $HOME/home/x")
