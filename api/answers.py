"""Answers as JSON values, the same over HTTP and on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from catalog.engine import Answer, FacetCounts, HistogramCounts
from schemas.objects import known_object
from schemas.query import Query
from schemas.record import Record
from schemas.text import Not, nodes

if TYPE_CHECKING:
    from api.catalogue import Catalogue

_MJD_0 = date(1858, 11, 17).toordinal()


def counts(found: Answer, query: Query) -> dict[str, Any]:
    """All of an answer but its total and its records; what was not asked for is not there."""
    made: dict[str, Any] = {
        "facets": {name: _facet(one) for name, one in found.facets.items()},
        "next": found.next,
        "unlocated": found.unlocated,
    }
    if query.histograms:
        made["histograms"] = {name: _histogram(one) for name, one in found.histograms.items()}
    if query.density is not None:
        cells = {str(cell): count for cell, count in (found.density or {}).items()}
        made["density"] = {"order": query.density, "cells": cells}
    if query.covered is not None or any(one.field == "covered" for one in query.sort):
        made["covered"] = found.covered
    return made


def hints(catalogue: Catalogue, found: Answer, query: Query) -> dict[str, Any]:
    """What may help a person on: another spelling where nothing was found, and the place of an object of that name."""
    made: dict[str, Any] = {}
    if query.text is None:
        return made
    if found.total == 0:
        made["did_you_mean"] = catalogue.did_you_mean(query)
    refused = query.words is not None and any(isinstance(node, Not) for node in nodes(query.words))  # -crab, no name
    if not refused and (known := known_object(query.text)) is not None:
        made["object"] = {"name": known.name, "ra": known.ra, "dec": known.dec}
    return made


def _facet(counts: FacetCounts) -> dict[str, Any]:
    buckets = [{"value": bucket.value, "count": bucket.count} for bucket in counts.buckets]
    return {"buckets": buckets, "missing": counts.missing}


def _histogram(counts: HistogramCounts) -> dict[str, Any]:
    edges: list[Any] = list(counts.edges.values)
    if counts.edges.scale in ("day", "month", "year"):
        edges = [date.fromordinal(_MJD_0 + int(edge)).isoformat() for edge in edges]
    return {"scale": counts.edges.scale, "edges": edges, "counts": counts.counts, "missing": counts.missing}


def highlights(records: Sequence[Record], query: Query) -> dict[str, dict[str, str]]:
    """For each record that the words of the query are found in: its texts as HTML, the words marked."""
    if query.words is None:
        return {}
    from mappings import highlight

    marked = {record["id"]: highlight.highlights(record, query.words) for record in records}
    return {id: texts for id, texts in marked.items() if texts}
