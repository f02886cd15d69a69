"""Every page of the documentation can be reached, and every link of it leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.conftest import ROOT
from tests.test_conventions import committed

DOCS = ROOT / "docs"
INDEX = DOCS / "README.md"
PAGES = sorted({path for path in committed() if path.suffix == ".md"} | set(DOCS.rglob("*.md")))

_FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1`*~*[ \t]*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)


def links(text: str) -> list[str]:
    """The relative links of a page; those within code are not links."""
    found = _LINK.findall(_CODE.sub("", _FENCE.sub("", text)))
    return [link for link in found if not re.match(r"[a-z][a-z0-9+.-]*:", link, re.IGNORECASE)]


def anchors(text: str) -> set[str]:
    """What a link may name behind the ``#``, as GitHub makes it from headings."""
    made: set[str] = set()
    for heading in _HEADING.findall(_FENCE.sub("", text)):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        same = sum(one == slug or re.fullmatch(rf"{re.escape(slug)}-\d+", one) is not None for one in made)
        made.add(f"{slug}-{same}" if same else slug)
    return made


def broken(page: Path, text: str) -> list[str]:
    """The links of a page that lead nowhere."""
    wrong = []
    for link in links(text):
        name, _, anchor = unquote(link).partition("#")
        target = (page.parent / name).resolve() if name else page
        there = target.exists() and target.is_relative_to(ROOT)
        if there and anchor and target.suffix == ".md":
            there = anchor in anchors(target.read_text() if name else text)
        if not there:
            wrong.append(link)
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    assert broken(page, page.read_text()) == []


def test_the_links_are_found() -> None:
    assert {INDEX, ROOT / "README.md"} <= set(PAGES)
    assert len(PAGES) > 25
    assert sum(len(links(page.read_text())) for page in PAGES) > 60


def test_a_broken_link_is_found() -> None:
    text = (
        "# A page\n[gone](how-to/no-such-page.md) [outside](../../other.md) [no heading](#nowhere) [here](#a-page)\n"
        "[web](https://example.org) [there](how-to/sources.md#secrets) `[code](no.md)`\n\n```\n[code](no.md)\n```\n"
    )
    assert broken(INDEX, text) == ["how-to/no-such-page.md", "../../other.md", "#nowhere"]


@pytest.mark.parametrize("folder", ["tutorial", "how-to", "reference", "explanation", "adr"])
def test_every_page_is_in_the_index(folder: str) -> None:
    pages = {path.resolve() for path in (DOCS / folder).glob("*.md")}
    assert pages, f"docs/{folder} is empty"
    linked = {(DOCS / link.partition("#")[0]).resolve() for link in links(INDEX.read_text())}
    assert pages - linked == set()


def test_decisions_are_numbered_without_gaps_and_say_what_they_cost() -> None:
    decisions = sorted((DOCS / "adr").glob("*.md"))
    assert [path.name[:5] for path in decisions] == [f"{n:04}-" for n in range(1, len(decisions) + 1)]
    for path in decisions:
        text = path.read_text()
        assert text.startswith(f"# {int(path.name[:4])}. "), path.name
        for part in ("Context", "Decision", "What it costs"):
            assert f"**{part}.**" in text, f"{path.name}: {part}"
