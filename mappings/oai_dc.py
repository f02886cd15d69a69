"""Unqualified Dublin Core (``oai_dc``) from OAI-PMH to the record.

Fifteen words without qualifiers: what they mean is read off their values, by the guidelines that repositories
follow (OpenAIRE 3: info:eu-repo terms for access, embargo, grants and types). ``dc:relation`` does not say how,
so its relation type is ``IsRelatedTo``. What is not taken stays in ``extra.oai_dc``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from mappings.citation import identify, kind_of, language_of, licence_of
from mappings.datacite_rights import access_level, set_rights
from mappings.datacite_xml import header_words, oai_header
from mappings.draft import Draft
from mappings.outcome import Mapped
from mappings.safe_xml import Element, parse_xml, split_tag, text_of
from schemas.errors import MappingError

VERSION = 1

_DC = "http://purl.org/dc/elements/1.1/"
_ROOT = "{http://www.openarchives.org/OAI/2.0/oai_dc/}dc"
_EMBARGO = re.compile(r"info:eu-repo/date/embargoEnd/(.+)", re.IGNORECASE)
_GRANT = re.compile(
    r"info:eu-repo/grantAgreement/([^/]*)/([^/]*)/([^/]+)(?:/[^/]*)?(?:/([^/]*))?(?:/.*)?", re.IGNORECASE
)

# Types by the info:eu-repo vocabulary, the COAR resource types and the words of Zenodo and others
_KINDS = {
    "dataset": "dataset", "c_ddb1": "dataset", "collection": "collection", "c_5ce6": "software",
    "software": "software", "service": "service",
    **dict.fromkeys(
        """article preprint report book bookpart conferenceobject conferencepaper lecture conferenceposter
        doctoralthesis masterthesis bachelorthesis workingpaper review technicaldocumentation publication
        presentation poster text c_6501 c_18cf c_46ec""".split(),  # noqa: SIM905 -- a word table
        "publication",
    ),
}  # fmt: skip
# Zenodo writes "other" for the type of datasets and software, and says it in its sets
_SETS = {"software": "software", "openaire_data": "dataset"}


def to_record(raw: bytes, options: Mapping[str, Any]) -> Mapped:
    """Map one document, an OAI-PMH record or bare Dublin Core; a deleted header is a deletion.

    Raises
    ------
    MappingError
        ``mapping.bad-xml``, ``mapping.hostile-xml``, ``mapping.wrong-shape``, ``mapping.no-identifier``.
    """
    root = parse_xml(raw)
    header = oai_header(root)
    if header is not None and header.get("status") == "deleted":
        return Mapped(None)
    dc = next(root.iter(_ROOT), None)
    if dc is None:
        raise MappingError("wrong-shape", f"no {_ROOT} element in the document; its root is {root.tag!s}")
    return _map(_values(dc), header)


def _values(dc: Element) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for child in dc:
        namespace, name = split_tag(str(child.tag))
        if namespace == _DC and (text := text_of(child).strip()):
            values.setdefault(name, []).append(text)
    return values


def _map(values: dict[str, list[str]], header: Element | None) -> Mapped:
    draft = Draft()
    for n, text in enumerate(values.get("identifier", [])):
        draft.identifier(text, None, f"identifier.{n}")
    sets: list[str] = []
    if header is not None:
        oai, sets = header_words(header)
        draft.identifier(oai, "oai", "header.identifier")
    titles = [line for n, text in enumerate(values.get("title", [])) if (line := draft.line(text, f"title.{n}"))]
    draft.put("title", titles[0] if titles else None)
    draft.put("alternative_titles", titles[1:])
    descriptions = [draft.description(text, f"description.{n}") for n, text in enumerate(values.get("description", []))]
    draft.put("description", "\n\n".join(filter(None, descriptions)))
    for goal, name in (("creators", "creator"), ("contributors", "contributor")):
        for n, text in enumerate(values.get(name, [])):
            draft.person(goal, f"{name}.{n}", name=text, role="Other" if goal == "contributors" else None)
    draft.put("publisher", draft.line(next(iter(values.get("publisher", [])), None), "publisher.0"))
    for n, text in enumerate(values.get("subject", [])):
        _subject(draft, text, f"subject.{n}")
    until = _dates(draft, values.get("date", []))
    if language := draft.line(next(iter(values.get("language", [])), None), "language.0"):
        draft.put("language", language_of(language))
    for n, text in enumerate(values.get("relation", [])):
        _relation(draft, text, f"relation.{n}")
    _rights(draft, values.get("rights", []), until)
    types = [text.rpartition("/")[2] for text in values.get("type", [])]
    types += [_SETS[name] for name in sets if name in _SETS]
    kinds = [_KINDS.get(word.replace(" ", "").casefold()) or kind_of(word) for word in types]
    draft.put("kind", next((kind for kind in kinds if kind != "other"), "other"))

    extra: dict[str, Any] = {name: values.get(name) for name in ("source", "coverage", "format", "type")}
    return draft.finish("oai_dc", extra | {"sets": sets, "publishers": values.get("publisher", [])[1:]})


def _subject(draft: Draft, text: str, field: str) -> None:
    if not (term := draft.line(text, field)):
        return
    if term.startswith("info:eu-repo/classification/"):  # .../ddc/520
        scheme, _, word = term.removeprefix("info:eu-repo/classification/").partition("/")
        if word:
            draft.add("subjects", {"term": word, "scheme": scheme})
            return
    draft.add("subjects", {"term": term} | ({"uri": term} if "://" in term else {}))


def _dates(draft: Draft, dates: list[str]) -> str | None:
    """The first date is the date of issue, as OpenAIRE asks; give the end of the embargo."""
    until = None
    issued = False
    for n, text in enumerate(dates):
        if found := _EMBARGO.fullmatch(text):
            until = draft.only_date(found[1], f"date.{n}")
        else:
            draft.date(text, "Other" if issued else "Issued", f"date.{n}")
            issued = issued or bool(draft.record.get("dates"))
    return until


def _relation(draft: Draft, text: str, field: str) -> None:
    if grant := _GRANT.fullmatch(text):
        funder, programme, award, _ = (unquote(part or "") for part in grant.groups())
        made = {"funder": " ".join(filter(None, (funder, programme))), "award": award}
        draft.add("funding", {key: value for key, value in made.items() if value})
        return
    kind, value = "IsRelatedTo", text
    if text.lower().startswith("info:eu-repo/semantics/altidentifier/"):
        draft.identifier(text.split("/", 4)[-1], text.split("/")[3], field)
        return
    for prefix in ("info:eu-repo/semantics/reference/", "info:eu-repo/semantics/dataset/"):
        if text.lower().startswith(prefix):  # .../doi/10.1234/x
            kind, value = "References", text[len(prefix) :].partition("/")[2]
    if identify(value):
        draft.relation(kind, value, None, field)


def _rights(draft: Draft, rights: list[str], until: str | None) -> None:
    levels, licences, statements = [], [], []
    for n, text in enumerate(rights):
        level = access_level(text)
        if level:
            levels.append(level)
        elif level is None and (line := draft.line(text, f"rights.{n}")):
            licence = licence_of(line)
            if licence != line or "://" in line:
                licences.append(licence or line)
            else:
                statements.append(line)
    licences.sort(key=lambda licence: "//" in licence)
    set_rights(draft, levels, licences[0] if licences else None, statements, until)
