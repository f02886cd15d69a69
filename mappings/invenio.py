"""Zenodo and any InvenioRDM: their record JSON to the record.

Three forms are told apart by their shape: InvenioRDM's own (``application/vnd.inveniordm.v1+json``),
Zenodo's current JSON, which keeps the keys of before 2023, and that of before 2023 itself. The source's own
metadata goes to ``extra.zenodo`` or ``extra.invenio``. Geographic places stay there too: they are places on
Earth, and no position on the sky.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from mappings.citation import host_of, kind_of
from mappings.draft import Draft, read_json
from mappings.invenio_legacy import read_legacy
from mappings.invenio_native import read_native
from mappings.outcome import Mapped
from schemas.errors import MappingError

VERSION = 2

# Python's own table only: the operating system's would make the same document map differently elsewhere
_MEDIA_TYPES = mimetypes.MimeTypes(filenames=())
for _suffix, _type in (
    (".fits", "application/fits"),
    (".fit", "application/fits"),
    (".fz", "application/fits"),
    (".vot", "application/x-votable+xml"),
    (".parquet", "application/vnd.apache.parquet"),
    (".md", "text/markdown"),
    (".7z", "application/x-7z-compressed"),
    (".hdf5", "application/x-hdf5"),
    (".h5", "application/x-hdf5"),
    (".ipynb", "application/x-ipynb+json"),
):
    _MEDIA_TYPES.add_type(_type, _suffix)
_COMPRESSED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}

# Zenodo's first words of a resource type id that are no resourceTypeGeneral; the others are, in lower case
_KINDS = {"publication": "publication", "lesson": "publication", "annotationcollection": "collection"}


def to_record(raw: bytes, options: Mapping[str, Any]) -> Mapped:
    """Map one record document; a tombstone (the body of a 410, or a record marked deleted) is a deletion.

    Raises
    ------
    MappingError
        ``mapping.bad-json``, ``mapping.wrong-shape``, ``mapping.no-identifier``.
    """
    document = read_json(raw)
    if is_tombstone(document):
        return Mapped(None)
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        raise MappingError(
            "wrong-shape", "the document has no metadata object, so it is no InvenioRDM or Zenodo record"
        )
    draft = Draft()
    native = is_native(document)
    links = draft.table(document.get("links"), "links")
    zenodo = not native or any(host_of(link).endswith("zenodo.org") for link in links.values())
    extra = (read_native if native else read_legacy)(draft, document, metadata)
    draft.put("kind", _kind(extra.get("resource_type")))
    if page := draft.string(links.get("self_html") or links.get("html"), "links.self_html"):
        draft.identifier(page, "url", "links.self_html")
    _native_id(draft, document)
    _files(draft, document, draft.string(links.get("self"), "links.self"))
    return draft.finish("zenodo" if zenodo else "invenio", extra)


def is_tombstone(document: dict[str, Any]) -> bool:
    """True for what says that a record is gone: the body of a 410, or a record that carries a tombstone."""
    status = document.get("deletion_status")
    return (
        document.get("status") == 410
        or bool(document.get("tombstone"))
        or (isinstance(status, dict) and status.get("is_deleted") is True)
    )


def is_native(document: dict[str, Any]) -> bool:
    """True for InvenioRDM's own form, False for Zenodo's keys of before 2023."""
    metadata = document["metadata"]
    kind = metadata.get("resource_type")
    if isinstance(kind, dict):
        return "id" in kind
    return "access_right" not in metadata and any(key in document for key in ("pids", "access", "parent"))


def _kind(resource_type: Any) -> str:
    """``publication-article``, ``dataset``, ``software-computationalnotebook``: the most telling word that is known."""
    words = resource_type.casefold().split("-") if isinstance(resource_type, str) else []
    for word in reversed(words):
        if (found := _KINDS.get(word) or kind_of(word)) != "other":
            return found
    return "other"


def _native_id(draft: Draft, document: dict[str, Any]) -> None:
    """Without any other identifier, the number or name by which the repository calls the record."""
    if not draft.record.get("identifiers"):
        recid = draft.string(document.get("id") or document.get("recid"), "id")
        draft.identifier(recid, "invenio", "id")


def _files(draft: Draft, document: dict[str, Any], record_url: str | None) -> None:
    """Read ``files``: a list (Zenodo), or an object with ``entries``, their number and their size (InvenioRDM)."""
    files = document.get("files")
    totals: dict[str, Any] = {}
    if isinstance(files, dict):
        totals, files = files, files.get("entries")
        if isinstance(files, dict):
            files = [{"key": name, **entry} for name, entry in files.items() if isinstance(entry, dict)]
    access = []
    for place, entry in draft.tables(files, "files"):
        name = draft.string(entry.get("key") or entry.get("filename"), f"{place}.key")
        links = draft.table(entry.get("links"), f"{place}.links")
        url = draft.string(links.get("content") or links.get("self") or links.get("download"), f"{place}.links")
        if url is None and name and record_url:
            url = f"{record_url}/files/{quote(name)}/content"  # InvenioRDM's REST API; its search leaves links out
        item: dict[str, Any] = {"url": url, "name": name}
        size = entry.get("size", entry.get("filesize"))
        item["bytes"] = draft.count(size, f"{place}.size")
        item["checksum"] = _checksum(draft.string(entry.get("checksum"), f"{place}.checksum"))
        item["media_type"] = draft.string(entry.get("mimetype"), f"{place}.mimetype") or _media_type(name or "")
        if url is None:
            draft.problem(place, "missing", "a file without a name or an address", name)
            continue
        access.append({key: value for key, value in item.items() if value is not None})
    draft.put("access", access)
    sizes = [item["bytes"] for item in access if "bytes" in item]
    whole = draft.count(totals.get("total_bytes"), "files.total_bytes")
    number = draft.count(totals.get("count"), "files.count")
    if access:
        whole = sum(sizes) if len(sizes) == len(access) else whole
        number = len(access)
    if number:  # a record without files has no size, rather than one of nothing
        draft.record["files"] = number
        if whole is not None:
            draft.record["bytes"] = whole


def _checksum(text: str | None) -> str | None:
    if text is None:
        return None
    if ":" in text:
        return text
    return f"md5:{text}" if len(text) == 32 else None  # bare in Zenodo's deposit form, where it is MD5


def _media_type(name: str) -> str | None:
    kind, encoding = _MEDIA_TYPES.guess_type(name, strict=False)
    return _COMPRESSED.get(encoding) if encoding else kind
