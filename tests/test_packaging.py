"""What is given away: the sdist, and the wheel that is built from it. (.ci/wheel installs the wheel and uses it.)"""

from __future__ import annotations

import hashlib
import re
import subprocess
import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path, PurePosixPath

import pytest

from tests.conftest import ROOT

UV = ROOT / ".uv" / "bin" / "uv"
LARGEST = 1_000_000  # bytes; of what we write only the lock file comes near


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with both. What builds them is in uv's cache since `make setup`; else it is fetched."""
    folder = tmp_path_factory.mktemp("dist")
    for more in (["--offline"], []):
        done = subprocess.run(
            [UV, "build", *more, "--out-dir", folder, ROOT], capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode == 0:
            return folder
    pytest.fail(f"uv build failed; it needs a package index where hatchling is not cached:\n{done.stderr}")


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    (path,) = built.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def sdist(built: Path) -> dict[str, bytes]:
    """The files of the sdist, by their path in the checkout."""
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        members = {one.name.partition("/")[2]: archive.extractfile(one) for one in archive if one.isfile()}
        return {name: stream.read() for name, stream in members.items() if stream}


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    return Parser().parsestr(wheel.read(name).decode())


def sources(project: dict) -> set[str]:
    """Every file of the program in this checkout."""
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    files = [path for package in packages for path in (ROOT / package).rglob("*") if path.is_file()]
    return {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts}


def test_the_wheel_is_the_program(wheel: zipfile.ZipFile, project: dict) -> None:
    wanted = sources(project)
    assert {"mappings/crosswalk.toml", "catalog/migrations/env.py", "catalog/migrations/script.py.mako"} <= wanted
    assert any(name.startswith("catalog/migrations/versions/r0001") for name in wanted)
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == wanted


def test_the_wheel_says_what_it_is(wheel: zipfile.ZipFile, metadata: Message, project: dict) -> None:
    stated = project["project"]
    assert (metadata["Name"], metadata["Version"]) == ("asterism", stated["version"])
    assert (metadata["License-Expression"], metadata["Requires-Python"]) == ("BSD-3-Clause", ">=3.11")
    required = {re.split("[<>]", one)[0] for one in metadata.get_all("Requires-Dist", [])}
    assert required == {re.split("[<>]", one)[0] for one in stated["dependencies"]}
    assert "pytest" not in required
    (entry,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "asterism = asterism.cli:main" in wheel.read(entry).decode()
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())


def test_the_sdist_is_the_project(sdist: dict[str, bytes], project: dict) -> None:
    assert sources(project) <= set(sdist)
    assert {"Makefile", "uv.lock", "sources.example.toml", "tests/test_packaging.py", ".ci/run"} <= set(sdist)
    listed = {name.strip("/") for name in project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]}
    always = {"PKG-INFO", "pyproject.toml", "README.md", "LICENSE", ".gitignore"}
    assert {PurePosixPath(name).parts[0] for name in sdist} <= listed | always
    large = {name: len(content) for name, content in sdist.items() if len(content) > LARGEST}
    assert large == {}
    assert not [name for name in sdist if "__pycache__" in name or name.startswith(("demo/run", "bench/results"))]


def test_the_sdist_holds_no_captured_data(sdist: dict[str, bytes], shared_data: Path) -> None:
    captured = {
        hashlib.sha256(path.read_bytes()).digest(): path.name
        for path in shared_data.rglob("*")
        if path.is_file() and 0 < path.stat().st_size <= LARGEST
    }
    assert captured
    found = {name: captured.get(hashlib.sha256(content).digest()) for name, content in sdist.items()}
    assert {name: other for name, other in found.items() if other} == {}
