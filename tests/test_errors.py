"""Every error code of the code base is in the reference, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import schemas.errors
from schemas.errors import AsterismError
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "reference" / "errors.md"
ROOMS = ("schemas", "mappings", "catalog", "harvesters", "api", "asterism")
AREAS = {cls.__name__: cls.area for cls in AsterismError.__subclasses__()}
# what makes a code without being an AsterismError that leaves: its name, the area, which argument is the word
MAKERS = {name: (area, 0) for name, area in AREAS.items()}
MAKERS |= {"ApiError": ("api", 0), "UnusableError": ("mapping", 0), "_BadLineError": ("import", 0)}
MAKERS |= {"problem": ("mapping", 1), "_ordered": ("mapping", 1), "_unknown": ("query", 0)}
WORD = re.compile(r"[a-z]+(-[a-z]+)*")
LITERAL = re.compile(rf"({'|'.join({area for area, _ in MAKERS.values()} | {'harvest'})})\.{WORD.pattern}")


def name_of(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def codes_in(path: Path) -> Iterator[str]:
    """Codes that a module makes: the word in a call of one of MAKERS, and whole codes as texts."""
    mappings = path.parent.name == "mappings"  # there, `access.url` is a field
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call() if name_of(node) in MAKERS:
                area, place = MAKERS[name_of(node)]
                word = node.args[place] if len(node.args) > place else None
                if isinstance(word, ast.Constant) and isinstance(word.value, str) and WORD.fullmatch(word.value):
                    yield f"{area}.{word.value}"
            case ast.Constant(value=str(text)) if LITERAL.fullmatch(text):
                if not mappings or text.startswith("mapping."):
                    yield text


def made() -> dict[str, Path]:
    return {code: path for room in ROOMS for path in (ROOT / room).rglob("*.py") for code in codes_in(path)}


def listed() -> set[str]:
    return set(re.findall(r"^\| `([a-z]+\.[a-z*-]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))


def test_every_code_is_in_the_reference() -> None:
    codes = made()
    assert len(codes) > 100
    assert {"query.bad-value", "mapping.bad-xml", "harvest.count-drop", "api.internal", "import.bad-json"} <= set(codes)
    assert {code: str(path.relative_to(ROOT)) for code, path in codes.items() if code not in listed()} == {}


def test_the_reference_names_no_code_that_is_gone() -> None:
    assert sorted(code for code in listed() if "*" not in code and code not in made()) == []


def test_every_area_has_a_chapter() -> None:
    chapters = set(re.findall(r"^## ([a-z]+):", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert {area for area, _ in MAKERS.values()} - {"asterism"} <= chapters
    drawn = schemas.errors.__doc__ or ""
    assert all(name in drawn for name, area in AREAS.items() if area != "api"), "the tree in schemas/errors.py"


def test_a_code_is_an_area_and_a_word() -> None:
    class OwnError(AsterismError):
        area = "own"

    error = OwnError("odd", "it is odd; make it even", n=3)
    assert (error.code, error.detail, error.context) == ("own.odd", "it is odd; make it even", {"n": 3})
    assert str(error) == "it is odd; make it even [own.odd]"
