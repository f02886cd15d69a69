"""A thesaurus of subjects: from a term to the chains of broader ones above it, as terms of ``subjects.path``.

Read from a file of the Unified Astronomy Thesaurus (UAT) in any of three JSON forms: the IVOA's ("desise", Vocabularies
in the VO 2.1, section 3.2.1; http://www.ivoa.net/rdf/uat), or the UAT's own list or tree (https://astrothesaurus.org).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

MAX_PATHS = 100  # of one term; the UAT has at most 11
MAX_LEVELS = 32  # the UAT has 11 too; more is a cycle, or no hierarchy
_CACHED = 100_000  # subjects are few and repeat; this bounds a source that writes sentences as subjects
_LEVELS = re.compile(r"\s+-?>\s+")
_UAT = re.compile(r"\bUAT\b|unified astronomy thesaurus|astrothesaurus", re.IGNORECASE)


def path_terms(levels: Sequence[str]) -> list[str]:
    """A path as the terms of itself and of its ancestors, from the top: ``a``, ``a/b``, ``a/b/c``.

    A slash within a level becomes a division slash (U+2215).
    """
    named = [text for level in levels if (text := level.replace("/", "\u2215").replace("\0", "").strip())]
    return ["/".join(named[: depth + 1]) for depth in range(min(len(named), MAX_LEVELS))]


def written_levels(term: str) -> list[str]:
    """The levels of a term that is written with them (``EARTH SCIENCE > ATMOSPHERE``, ``a -> b``), else empty."""
    found = _LEVELS.split(term) if ">" in term else []
    return found if len(found) > 1 else []


class Thesaurus:
    """``labels`` and ``broader`` (names of concepts) by the name of a concept; ``words`` more ways to write one."""

    def __init__(
        self,
        labels: Mapping[str, str],
        broader: Mapping[str, Sequence[str]],
        words: Mapping[str, str] | None = None,
    ) -> None:
        self._labels = dict(labels)
        self._broader = {name: [one for one in above if one in labels] for name, above in broader.items()}
        self._names = {_key(word): name for word, name in (words or {}).items() if name in labels}
        self._names |= {_key(label): name for name, label in labels.items()}
        self._names |= {_key(name): name for name in labels}
        self._found: dict[tuple[str, str, str], list[str]] = {}
        said = repr((sorted(labels.items()), sorted(self._broader.items()), sorted(self._names.items())))
        #: Changes when a term would be found elsewhere.
        self.digest = hashlib.blake2b(said.encode(), digest_size=8).hexdigest()

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read a file.

        Raises
        ------
        ValueError
            With a sentence, when it is of no form that is known.
        """
        try:
            document = json.loads(body)
        except ValueError as error:
            raise ValueError(f"no JSON: {error}") from None
        try:
            if isinstance(document, dict) and isinstance(document.get("terms"), dict):
                made = _ivoa(document)
            elif isinstance(document, dict) and isinstance(document.get("children"), list):
                made = _tree(document)
            elif isinstance(document, list):
                made = _list(document)
            else:
                raise ValueError("neither the IVOA's JSON of a vocabulary nor the UAT's list or tree")
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"a term is not as it should be: {error!r}") from None
        if not made[0]:
            raise ValueError("it has no terms")
        return cls(*made)

    def __len__(self) -> int:
        return len(self._labels)

    def terms(self, subject: Mapping[str, Any]) -> list[str]:
        """The path terms of a subject of a record: all its places in the thesaurus, ancestors first.

        Found by ``uri``, else by ``term`` (label, or the vocabulary's own name for it; case and hyphens do not
        matter) where ``scheme`` says UAT or nothing, as in VO resources. Empty when it is not in here.
        """
        asked = (subject.get("uri") or "", subject.get("term") or "", subject.get("scheme") or "")
        found = self._found.get(asked)
        if found is None:
            found = self._look_up(*asked)
            if len(self._found) < _CACHED:
                self._found[asked] = found
        return found

    def _look_up(self, uri: str, term: str, scheme: str) -> list[str]:
        name = self._names.get(_key(uri)) if uri else None
        if name is None and (not scheme or _UAT.search(scheme)):
            name = self._names.get(_key(term))
        if name is None:
            return []
        found: dict[str, None] = {}
        for n, chain in enumerate(self._chains((name,))):
            if n == MAX_PATHS:
                break
            found |= dict.fromkeys(path_terms([self._labels[one] for one in chain]))
        return list(found)

    def _chains(self, below: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        """Each way from the top down to ``below``, never twice through one concept."""
        above = [name for name in self._broader.get(below[0], ()) if name not in below]
        if not above or len(below) == MAX_LEVELS:
            yield below
        for name in above:
            yield from self._chains((name, *below))


def _key(text: str) -> str:
    """Without case; hyphens and spaces are alike; of an address not whether it is https."""
    return re.sub(r"[\W_]+", " ", re.sub(r"^https?://", "", text.strip().casefold())).strip()


_Parts = tuple[dict[str, str], dict[str, list[str]], dict[str, str]]


def _ivoa(document: dict[str, Any]) -> _Parts:
    terms: dict[str, dict[str, Any]] = document["terms"]
    labels = {name: str(term["label"]) for name, term in terms.items() if "useInstead" not in term}
    broader = {name: [str(one).lstrip("#") for one in term.get("wider") or ()] for name, term in terms.items()}
    words: dict[str, str] = {}
    for name, term in terms.items():
        goal = str(term.get("useInstead", name)).lstrip("#")
        words |= dict.fromkeys((name, str(term["label"]), f"{document.get('uri', '')}#{name}"), goal)
    return labels, {name: broader[name] for name in labels}, words


def _list(document: list[Any]) -> _Parts:
    kept = [term for term in document if term.get("status") != "deprecated"]
    labels = {term["uri"]: str(term["name"]) for term in kept}
    broader = {term["uri"]: [one["uri"] for one in term.get("broader") or ()] for term in kept}
    words = {str(word): term["uri"] for term in kept for word in term.get("altNames") or ()}
    for term in document:
        for goal in (term.get("useInstead") or ())[:1]:  # of a term that was split, the first
            words |= dict.fromkeys((term["uri"], str(term["name"])), goal)
    return labels, broader, words


def _tree(document: dict[str, Any]) -> _Parts:
    labels: dict[str, str] = {}
    broader: dict[str, list[str]] = {}
    words: dict[str, str] = {}
    waiting = [(term, "") for term in document["children"]]
    while waiting:
        term, parent = waiting.pop()
        uri = term["uri"]
        labels[uri] = str(term["name"])
        words |= dict.fromkeys(map(str, term.get("altLabels") or term.get("altNames") or ()), uri)
        above = broader.setdefault(uri, [])
        if parent and parent not in above:
            above.append(parent)
        waiting += [(child, uri) for child in term.get("children") or ()]
    return labels, {uri: sorted(above) for uri, above in broader.items()}, words
