"""The stable error codes (``area.what``) that the code can give, read off its syntax trees."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.conftest import ROOT

ROOMS = ("schemas", "mappings", "catalog", "harvesters", "placement", "api", "asterism")
_WHAT = re.compile(r"[a-z][a-z0-9-]*")
# Without access: "access.url" is a field of the record; its codes are given through AccessError alone
_LITERAL = re.compile(r"(?:query|record|mapping|settings|source|store|index|import|harvest|api)\.[a-z][a-z0-9-]*")
_PASSED_ON = re.compile(r"\bcode\b")


@dataclass(frozen=True, slots=True)
class Given:
    """A code, or with ``*`` at its end the start of many, and a place in the code that gives it."""

    code: str
    place: str


def given(*rooms: str) -> list[Given]:
    """Every code that these packages give, sorted; all packages when none is named."""
    found, _ = _read()
    chosen = {one.code: one for one in reversed(found) if not rooms or one.place.split("/")[0] in rooms}
    return [chosen[code] for code in sorted(chosen)]


def unread() -> list[str]:
    """Calls that give a code which cannot be read off them."""
    return _read()[1]


@functools.cache
def _read() -> tuple[list[Given], list[str]]:
    paths = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
    trees = {path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8")) for path in paths}
    classes = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    areas = {one.name: area for one in classes if (area := _area_of_class(one))}
    found: list[Given] = []
    unread: list[str] = []
    for path, tree in trees.items():
        relays = dict(_relay(node, areas) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
        for node in ast.walk(tree):
            place = f"{path.as_posix()}:{getattr(node, 'lineno', 0)}"
            found += [Given(code, place) for code in _literals(node)]
            for area, argument in _calls(node, areas, relays):
                words = list(_words(argument))
                found += [Given(f"{area}.{word}", place) for word in words]
                if not words and not _PASSED_ON.search(ast.unparse(argument)):  # else another call said it
                    unread.append(f"{place}: {ast.unparse(node)}")
    return found, unread


def _literals(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Constant(str() as code) if _LITERAL.fullmatch(code) and not code.endswith("-"):
            yield code
        case ast.JoinedStr([ast.Constant(str() as start), *_]) if _LITERAL.fullmatch(start):
            yield f"{start}*"


def _area_of_class(node: ast.ClassDef) -> str | None:
    """``area = "query"`` in an error's class, or ``self.code = f"mapping.{code}"`` in its constructor."""
    for part in ast.walk(node):
        match part:
            case ast.Assign(targets=[ast.Name("area")], value=ast.Constant(str() as area)):
                return area
            case ast.Assign(
                targets=[ast.Attribute(attr="code")], value=ast.JoinedStr([ast.Constant(str() as start), *_])
            ):
                return start.removesuffix(".")
    return None


def _relay(function: ast.FunctionDef, areas: dict[str, str]) -> tuple[str, tuple[str, int]]:
    """A function that makes an error of its argument ``code``: its name, the area, and which argument that is."""
    names = [argument.arg for argument in function.args.args if argument.arg != "self"]
    for part in ast.walk(function):
        match part:
            case ast.Call(func=ast.Name(name), args=[ast.Name("code"), *_]) if name in areas and "code" in names:
                return function.name, (areas[name], names.index("code"))
            case ast.Call(func=ast.Name("Problem"), args=[_, ast.JoinedStr([ast.Constant("mapping."), *_]), *_]):
                return function.name, ("mapping", names.index("code"))
    return "", ("", 0)


def _calls(node: ast.AST, areas: dict[str, str], relays: dict[str, tuple[str, int]]) -> Iterator[tuple[str, ast.expr]]:
    """The area and the argument that says what, of a call that gives a code."""
    match node:
        case ast.Call(func=ast.Name(name), args=[what, *_]) if name in areas:
            yield areas[name], what
        case ast.Call(func=ast.Name(name), args=arguments) if name in relays:
            area, n = relays[name]
            yield area, arguments[n]
        case ast.Call(func=ast.Attribute(attr="problem"), args=[_, what, *_]):  # of a mapping's draft
            yield "mapping", what


def _words(what: ast.expr) -> Iterator[str]:
    match what:
        case ast.Constant(str() as word) if _WHAT.fullmatch(word):
            yield word
        case ast.IfExp(body=body, orelse=orelse):
            yield from (*_words(body), *_words(orelse))
        case ast.JoinedStr([ast.Constant(str() as start), *_]) if start:
            yield f"{start}*"
