"""VOResource 1.1 and VODataService 1.2 documents, written from the rows of ``vo_resources.csv``.

The element order is that of the schemas, so that the documents are valid. What the schemas demand and the facts
do not hold is said to be unknown, and never made up; descriptions are ours.
"""

from __future__ import annotations

import re
from datetime import datetime

from lxml import etree
from lxml.builder import ElementMaker

from demo.rows import Row

XSI = "http://www.w3.org/2001/XMLSchema-instance"
SPACES = {
    "ri": "http://www.ivoa.net/xml/RegistryInterface/v1.0",
    "vr": "http://www.ivoa.net/xml/VOResource/v1.0",
    "vs": "http://www.ivoa.net/xml/VODataService/v1.1",  # the namespace that VODataService 1.2 kept
    "vg": "http://www.ivoa.net/xml/VORegistry/v1.0",
    "vstd": "http://www.ivoa.net/xml/StandardsRegExt/v1.0",
    "xsi": XSI,
}
_DESIGNATION = re.compile(r"ivo://cds\.vizier/(.+)", re.IGNORECASE)
_JOURNALS = {
    "A+A": "A&A",
    "A+AS": "A&AS",
    "AN": "Astronomische Nachrichten",
    "AZh": "Astronomicheskij Zhurnal",
    "AcA": "Acta Astronomica",
    "PAZh": "Pisma v Astronomicheskij Zhurnal",
}

_ri = ElementMaker(namespace=SPACES["ri"], nsmap=SPACES)
_plain = ElementMaker()


def title_of(row: Row) -> str:
    """The title where it is known; else what the identifier says of itself."""
    if row["title"]:
        return row["title"]
    found = _DESIGNATION.match(row["ivoid"])
    designation = found[1] if found else row["ivoid"]
    kind, *rest = designation.split("/")
    if kind == "J" and len(rest) == 3 and rest[0] != "other":  # VizieR: J/journal/volume/page
        return f"Tables of {_JOURNALS.get(rest[0], rest[0])} {rest[1]}, {rest[2]} (VizieR {designation})"
    return f"VizieR catalogue {designation}"


def resource(row: Row, stamp: datetime) -> etree._Element:
    """The ``ri:Resource`` of one row.

    Parameters
    ----------
    row
        A row of ``vo_resources.csv``.
    stamp
        The federation's own datestamp, where the row knows no date of creation or update.
    """
    when = f"{stamp:%Y-%m-%dT%H:%M:%SZ}"
    node = _ri.Resource(
        {
            f"{{{XSI}}}type": row["type"],
            "created": row["created"] or when,
            "updated": row["updated"] or when,
            "status": "active",
        }
    )
    _add(node, "title", title_of(row))
    if row["short_name"]:
        _add(node, "shortName", row["short_name"][:16])  # the schema's limit
    _add(node, "identifier", row["ivoid"])
    curation = _add(node, "curation")
    _add(curation, "publisher", row["publisher"])
    _add(_add(curation, "contact"), "name", "unknown")
    content = _add(node, "content")
    service = row["type"] == "vs:CatalogService"
    _add(content, "subject", "Astronomical catalogs" if service else "Virtual observatory")
    _add(content, "description", _description(row))
    _add(content, "referenceURL", row["reference_url"])
    _rest(node, row)
    return node


def _rest(node: etree._Element, row: Row) -> None:
    """What a resource type adds to the common part."""
    match row["type"]:
        case "vs:CatalogService":
            if row["moc"] or row["wavebands"]:
                coverage = _add(node, "coverage")
                if row["moc"]:
                    _add(coverage, "spatial", row["moc"])
                for word in row["wavebands"].split():
                    _add(coverage, "waveband", word)
        case "vg:Registry":
            _add(node, "full", row["detail"])
        case "vg:Authority":
            _add(node, "managingOrg", row["detail"])
        case "vstd:Standard" | "vstd:ServiceStandard":
            _add(node, "endorsedVersion", row["detail"]).set("status", "n/a")


def _description(row: Row) -> str:
    if row["table"]:
        return (
            f"The sky coverage is that of the table {row['table']}, in HEALPix cells of order {row['moc_order']} or "
            f"larger (the original: order {row['moc_native_order']})."
        )
    return "The facts of this demonstration hold no description and no sky coverage of this resource."


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = _plain(name)
    child.text = text
    parent.append(child)
    return child
