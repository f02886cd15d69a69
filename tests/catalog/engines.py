"""Records and a slow, obvious engine to hold the real ones against."""

from __future__ import annotations

import math
import random
from typing import Any

from mappings.document import date_value, number_value
from mappings.sky import ConeTest, shape_of
from schemas.access import visible
from schemas.fields import search_fields
from schemas.query import Query, field_span
from schemas.record import Record, record_id
from schemas.vocabulary import canonical

SKY = [(0.0, 0.0), (359.99, 0.01), (0.01, -0.01), (83.63, 22.01), (10.0, 90.0), (200.0, -90.0), (180.0, 45.0)]
WORDS = ["pulsar", "nebula", "survey", "galaxy", "neutrino", "flare", "catalogue", "spectra"]


def make_record(rng: random.Random, n: int, source: str = "test") -> Record:
    """A record with everything that can be searched, some of it missing."""
    made: Record = {
        "id": record_id(source, f"doi:{n}"),
        "source": source,
        "identifiers": [{"scheme": "doi", "value": f"10.5072/{n}"}],
        "kind": rng.choice(["dataset", "observation", "collection"]),
        "title": " ".join(rng.choices(WORDS, k=3)),
    }
    some: dict[str, Any] = {
        "facilities": rng.sample(["HESS", "H.E.S.S.", "MAGIC", "LOFAR"], rng.randint(1, 2)),
        "wavebands": [rng.choice(["gamma-ray", "Radio", "RADIO"])],
        "creators": [{"name": rng.choice("ABC")} for _ in range(rng.randint(1, 3))],
        "bytes": rng.choice([0, 10, 1000, 10**12]),
        "calib_level": rng.randint(0, 4),
        "time": [{"min": 50000.0 + k, "max": 50000.5 + k} for k in rng.sample(range(50), rng.randint(1, 2))],
        "spectral": [{"min": 1e-9}],
        "dates": [{"date": rng.choice(["2014", "2014-05", "2015-01-02T10:00:00Z"]), "type": "Issued"}],
        "rights": rng.choice([{"level": "open"}, {"level": "restricted"}, {"level": "restricted", "groups": ["a"]}]),
        "extra": {"x": {"n": rng.choice([1, 2.5, "1", "red", True, [3, "blue"]]), "when": "2014-03-01"}},
    }
    made |= {key: value for key, value in some.items() if rng.random() < 0.7}
    ra, dec = rng.choice(SKY)
    point = {"ra": (ra + rng.uniform(-2, 2)) % 360, "dec": max(-90.0, min(90.0, dec + rng.uniform(-2, 2)))}
    if rng.random() < 0.7:
        made["position"] = point
    match rng.randint(0, 5):
        case 0:
            made["footprint"] = {"circle": [point["ra"], point["dec"], rng.choice([0.1, 1.0, 3.0])]}
        case 1:
            low, high = max(-90.0, point["dec"] - 1), min(90.0, point["dec"] + 1)
            east = (point["ra"] + 2) % 360
            made["footprint"] = {"polygon": [[point["ra"], low], [east, low], [east, high], [point["ra"], high]]}
        case 2:
            made["footprint"] = {"moc": f"4/{rng.randrange(3072)} 6/{rng.randrange(49152)}-{49151}"}
    return made


class Naive:
    """Every question answered by looking at every record."""

    def __init__(self, records: list[Record]) -> None:
        self.records = records

    def matching(self, query: Query, without: str | None = None) -> list[Record]:
        """Records that match, but for the filters on the field ``without``."""
        test = ConeTest(query.cone) if query.cone else None
        return [one for one in self.records if self._matches(one, query, test, without)]

    def _matches(self, one: Record, query: Query, test: ConeTest | None, without: str | None) -> bool:
        if not visible(one, query.groups):
            return False
        if test is not None and not self._sky(one, query, test):
            return False
        for wanted in query.spans:
            if not any(
                part.get("min", -math.inf) <= wanted.high and part.get("max", math.inf) >= wanted.low
                for part in one.get(wanted.field, ())
            ):
                return False
        return all(self._filter(one, wanted) for wanted in query.filters if wanted.field != without)

    def _sky(self, one: Record, query: Query, test: ConeTest) -> bool:
        if query.relation != "position" and "footprint" in one:
            shape = shape_of(one["footprint"])
            check = {"intersects": test.meets, "within": test.within, "contains": test.contained}
            return check[query.relation](shape)
        if "position" not in one:
            return query.unlocated
        if query.relation == "contains" and query.cone.radius > 0:
            return False
        from astropy.coordinates import angular_separation

        away = angular_separation(
            *(math.radians(x) for x in (one["position"]["ra"], one["position"]["dec"], query.cone.ra, query.cone.dec))
        )
        return bool(math.degrees(away) <= query.cone.radius + 1e-12)  # at a pole, an ulp of declination is a tie

    def values(self, one: Record, field: str) -> list[Any]:
        """The values that a facet counts, each once."""
        known = search_fields().get(field)
        if known is None:
            found: Any = one.get("extra", {})
            for key in field.split(".")[1:]:
                found = found.get(key, {}) if isinstance(found, dict) else {}
            found = [] if found == {} else found if isinstance(found, list) else [found]
            return list(dict.fromkeys(str(v).lower() if isinstance(v, bool) else v for v in found))
        if field == "issued":
            return [date_value(d["date"]) for d in one.get("dates", ())][:1]
        found = one.get(known.path[0], [])
        found = found if isinstance(found, list) else [found]
        if len(known.path) > 1:
            found = [part[known.path[1]] for part in found if known.path[1] in part]
        found = [inner for part in found for inner in (part if isinstance(part, list) else [part])]
        return list(dict.fromkeys(canonical(field, v) if isinstance(v, str) else v for v in found))

    def _filter(self, one: Record, wanted: Any) -> bool:
        if wanted.op == "exists":
            return (bool(self.values(one, wanted.field)) if "." in wanted.field else wanted.field in one) == (
                wanted.values[0] == "true"
            )
        if wanted.op == "not":
            return not any(self._compare(one, wanted.field, "eq", value) for value in wanted.values)
        return any(self._compare(one, wanted.field, wanted.op, value) for value in wanted.values)

    def _compare(self, one: Record, field: str, op: str, text: str) -> bool:
        for value in self.values(one, field):
            if field.startswith("extra."):
                number = number_value(text)
                own = number_value(value) if isinstance(value, str) else float(value)
                if op == "eq" and isinstance(value, str) and value == text:
                    return True
                if number is not None and own is not None and _holds(op, own, number, number):
                    return True
                if number is None and isinstance(value, str) and _words(op, value, text):
                    return True
            elif isinstance(value, str):
                if _words(op, value, text):
                    return True
            elif _holds(op, float(value), *field_span(field, text)):
                return True
        return False


def _words(op: str, value: str, text: str) -> bool:
    return {"eq": value == text, "gt": value > text, "gte": value >= text, "lt": value < text, "lte": value <= text}[op]


def _holds(op: str, value: float, low: float, high: float) -> bool:
    wide = high > low
    return {
        "eq": low <= value < high if wide else value == low,
        "gt": value >= high if wide else value > low,
        "gte": value >= low,
        "lt": value < low,
        "lte": value < high if wide else value <= low,
    }[op]
