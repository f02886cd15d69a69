"""Records as an Atom feed (RFC 4287)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from mappings.votable import escape
from schemas.record import Record

MEDIA_TYPE = "application/atom+xml"
MAX_SUMMARY = 600  # characters
# of our own, so that an entry's id depends on its record's alone, whatever the server is called
_NAMESPACE = uuid.UUID("6f1cf7a4-64a4-4a0c-9a3e-0d6c3f6f2b11")


@dataclass(frozen=True, slots=True)
class Feed:
    """``address`` is the feed's own URL and its id; ``page`` what it is a feed of; ``updated`` in ISO 8601 UTC."""

    title: str
    address: str
    page: str
    updated: str


def atom(feed: Feed, entries: Iterable[tuple[Record, str, str]]) -> bytes:
    """The document; an entry is a record, when it changed here (ISO 8601 UTC), and the URL of its page."""
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"<id>{escape(feed.address)}</id>\n<title>{escape(feed.title)}</title>\n<updated>{feed.updated}</updated>\n"
        f"<author><name>Asterism</name></author>\n<generator>Asterism</generator>\n"
        f"{_link('self', feed.address, MEDIA_TYPE)}{_link('alternate', feed.page, 'application/json')}"
    )
    return "".join([head, *(_entry(*entry) for entry in entries), "</feed>\n"]).encode()


def entry_id(record: Record) -> str:
    """The same for one record for ever (RFC 4287, section 4.2.6)."""
    return uuid.uuid5(_NAMESPACE, record["id"]).urn


def _entry(record: Record, updated: str, page: str) -> str:
    authors = "".join(f"<author><name>{escape(one['name'])}</name></author>" for one in record.get("creators", ())[:20])
    return (
        f"<entry>\n<id>{entry_id(record)}</id>\n<title>{escape(record['title'])}</title>\n"
        f"<updated>{updated}</updated>\n{authors}"
        f"{_link('alternate', page, 'application/json')}{_links(record)}"
        f'<category term="{_attribute(record["kind"])}"/>\n<summary>{escape(_summary(record))}</summary>\n</entry>\n'
    )


def _links(record: Record) -> str:
    """Where the thing itself is described: its DOI's page, the files or services that the record names."""
    dois = [one["value"] for one in record["identifiers"] if one["scheme"] == "doi"]
    found = [f"https://doi.org/{quote(doi, safe='/:;()._-')}" for doi in dois[:1]]
    found += [one["url"] for one in record.get("access", ()) if str(one.get("url", "")).startswith(("http:", "https:"))]
    return "".join(_link("related", one) for one in dict.fromkeys(found[:5]))


def _summary(record: Record) -> str:
    """The description's beginning, or else what the thing is and where it is from."""
    text = " ".join(str(record.get("description", "")).split())
    if len(text) > MAX_SUMMARY:
        text = text[:MAX_SUMMARY].rsplit(" ", 1)[0] + " \u2026"
    return text or f"{record['kind']} of {record['source']}: {record['identifiers'][0]['value']}"


def _link(relation: str, address: str, media_type: str | None = None) -> str:
    kind = f' type="{media_type}"' if media_type else ""
    return f'<link rel="{relation}"{kind} href="{_attribute(address)}"/>\n'


def _attribute(text: str) -> str:
    return escape(text).replace('"', "&quot;")
