"""Records with everything that can be searched, and a history of them as a change feed tells it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from catalog.engine import Change
from schemas.fields import top_level
from schemas.record import Record, record_id

SKY = [(0.0, 0.0), (359.99, 0.01), (0.01, -0.01), (83.63, 22.01), (10.0, 90.0), (200.0, -90.0), (180.0, 45.0)]
WORDS = ["pulsar", "nebula", "survey", "galaxy", "neutrino", "flare", "catalogue", "spectra"]
NAMES = ["Müller, Jörg", "Muller, Ann", "Ångström, Åsa", "Łukasz Żak", "O'Neill, Séan", "van der Hulst"]
TEXTS = [
    "Observations of the Crab Nebula with H.E.S.S.",
    "A survey of galaxies; the galaxy's spectra were taken twice.",
    "γ-ray flares of Sgr A* and of α Cen",
    "Deep catalogue of pulsars (J1713.7-3946), e+e- pairs, Hα lines",
    "Nebulae and neutrinos",
    "crab pulsar nebula",
]
N_VALUES = [1, 2.5, "1", "red", True, False, [3, "blue"], -4e30, "2014-03-01", "1e0", ["blue", "green", 2.5], "Red"]


def make_record(rng: random.Random, n: int, source: str = "test") -> Record:
    """A record with everything that can be searched, some of it missing."""
    made: Record = {
        "id": record_id(source, f"doi:{n}"),
        "source": source,
        "identifiers": [{"scheme": "doi", "value": f"10.5072/{n}"}],
        "kind": rng.choice(["dataset", "observation", "collection"]),
        "title": " ".join(rng.choices(WORDS, k=3)),
    }
    if rng.random() < 0.3:
        made["identifiers"].append(
            rng.choice(
                [
                    {"scheme": "ivoid", "value": f"ivo://org.test/cat/{n}"},
                    {"scheme": "bibcode", "value": f"20{n % 90 + 10}A&A...534A..47A"},
                    {"scheme": "rucio", "value": f"user.jdoe:dataset_v{n}.2"},
                ]
            )
        )
    some: dict[str, Any] = {
        "description": rng.choice(TEXTS),
        "alternative_titles": rng.sample(TEXTS + WORDS, rng.randint(1, 2)),
        "facilities": rng.sample(["HESS", "H.E.S.S.", "MAGIC", "LOFAR"], rng.randint(1, 2)),
        "instruments": rng.sample(["cam*1", "cam 2", "CAM", "spec"], 1),
        "wavebands": [rng.choice(["gamma-ray", "Radio", "RADIO"])],
        "creators": [{"name": rng.choice(["A", "B", "C", *NAMES])} for _ in range(rng.randint(1, 3))],
        "subjects": [
            rng.choice(
                [
                    {"term": "EARTH SCIENCE > SUN-EARTH > AURORAE", "scheme": "GCMD"},
                    {"term": "EARTH SCIENCE > ATMOSPHERE", "scheme": "GCMD"},
                    {"term": "stars", "scheme": "UAT"},
                    {"term": "Galaxies"},
                ]
            )
            for _ in range(rng.randint(1, 2))
        ],
        "bytes": rng.choice([0, 10, 1000, 10**12]),
        "calib_level": rng.randint(0, 4),
        "time": _times(rng),
        "spectral": rng.choice(
            [[{"min": 1e-9}], [{"max": 2e-7}], [{"min": 4e-7, "max": 7e-7}, {"min": 0.2, "max": 0.21}]]
        ),
        "energy": [{"min": 1e-10, "max": 1e-7, "messenger": rng.choice(["Photon", "Neutrino"])}],
        "dates": [{"date": rng.choice(["2014", "2014-05", "2015-01-02T10:00:00Z", "2013-12-31"]), "type": "Issued"}],
        "rights": rng.choice(
            [
                {"level": "open"},
                {"level": "restricted"},
                {"level": "restricted", "groups": ["a"]},
                {"level": "restricted", "groups": ["b", "c"]},
                {"level": "embargoed", "embargo_until": "2030-01-01"},
                {"level": "restricted", "discoverable": True},
            ]
        ),
        "extra": {
            "x": {
                "n": rng.choice(N_VALUES),
                "when": rng.choice(["2014-03-01", "2014-03", "soon", "2015-07-01T00:00:00Z"]),
            }
        },
        "locks": [
            {"rule": "r1", "account": "root", "rse": "DISK-A", "expires_at": rng.choice([None, "2031-05-06T00:00:00Z"])}
        ],
        "replicas": [{"rse": rng.choice(["DISK-A", "DISK-B"]), "state": "AVAILABLE", "files": rng.randint(1, 30)}],
        "version": rng.choice(["1", "v1.2", "1.2"]),
    }
    made |= {key: value for key, value in some.items() if rng.random() < 0.7}
    ra, dec = rng.choice(SKY)
    point = {"ra": (ra + rng.uniform(-2, 2)) % 360, "dec": max(-90.0, min(90.0, dec + rng.uniform(-2, 2)))}
    if rng.random() < 0.08:
        point = {"ra": ra, "dec": dec}
    if rng.random() < 0.7:
        made["position"] = point
    if rng.random() < 0.7:
        made["footprint"] = make_footprint(rng, point["ra"], point["dec"])
    return made


def _times(rng: random.Random) -> list[dict[str, float]]:
    made = [{"min": 50000.0 + k, "max": 50000.5 + k} for k in rng.sample(range(50), rng.randint(1, 2))]
    match rng.randint(0, 9):
        case 0:
            made = [{"min": 50010.0}]
        case 1:
            made = [{"max": 50020.0}]
        case 2:  # touching: one long interval
            made = [
                {"min": 50010.0, "max": 50015.0},
                {"min": 50015.0, "max": 50020.0},
                {"min": 50012.0, "max": 50013.0},
            ]
    return made


def make_footprint(rng: random.Random, ra: float, dec: float) -> dict[str, Any]:  # noqa: PLR0911 - one for each form
    """Any form of region near a place."""
    low, high = max(-90.0, dec - 1), min(90.0, dec + 1)
    east = (ra + 2) % 360
    square = [[ra, low], [east, low], [east, high], [ra, high]]
    match rng.randint(0, 11):
        case 0 | 1:
            return {"circle": [ra, dec, rng.choice([0.0, 0.1, 1.0, 3.0, 100.0])]}
        case 2:
            return {"polygon": square}
        case 3:
            return {"polygon": [*reversed(square)]}
        case 4:  # two triangles that touch in a corner
            middle = (ra + 1) % 360
            return {
                "polygon": [
                    [ra, low],
                    [middle, (low + high) / 2],
                    [east, low],
                    [east, high],
                    [middle, (low + high) / 2],
                    [ra, high],
                ]
            }
        case 5:
            return {"moc": f"4/{rng.randrange(3072)} 6/{rng.randrange(49152)}-49151"}
        case 6:
            return {"moc": f"29/{rng.randrange(12 * 4**29)} 5/{rng.randrange(12 * 4**5)}"}
        case 7:
            return {"moc": rng.choice(["0/0-11", "0/4", "1/0 3 5 2/100-180"])}
        case 8:
            width, height = rng.choice([(0.5, 1), (4, 3), (1, 30)])
            return {"stc_s": f"Box ICRS {ra:.6f} {max(-60.0, min(60.0, dec)):.6f} {width} {height}"}
        case 9:
            return {
                "stc_s": f"UNION ICRS (Circle {ra:.6f} {dec:.6f} 1.5 Circle {(ra + 40) % 360:.6f} {-dec / 2:.6f} 2)"
            }
        case 10:
            return {"stc_s": f"CIRCLE {ra:.6f} {dec:.6f} {rng.choice([0.2, 2])}"}
    return {"stc_s": f"Polygon ICRS {ra:.6f} {low:.6f} {east:.6f} {low:.6f} {east:.6f} {high:.6f}"}


@dataclass
class Kept:
    """The newest version of a record, as the feed told it."""

    seq: int
    view: str
    record: Record


@dataclass
class History:
    """Batches of changes, each with the number that it ends at, and what stands after the last."""

    batches: list[tuple[list[Change], int]] = field(default_factory=list)
    now: dict[str, Kept] = field(default_factory=dict)
    seq: int = 0

    def change(self, id: str, record: Record | None, view: Any = "single") -> Change:
        self.seq += 1
        if record is None:
            self.now.pop(id, None)
        else:
            self.now[id] = Kept(self.seq, view, record)
        return Change(self.seq, id, record, view)


def make_history(seed: int, size: int, batches: int = 5) -> History:
    """Records that come in several batches, some replaced, deleted, clustered and parted again since."""
    rng = random.Random(seed)
    made = History()
    pairs: dict[str, list[str]] = {}
    for batch in range(batches):
        changes = []
        for n in range(batch * size // batches, (batch + 1) * size // batches):
            one = make_record(rng, n, rng.choice(["test", "test", "lake", "zenodo"]))
            changes.append(made.change(one["id"], one))
        for old in rng.sample(sorted(one for one, kept in made.now.items() if kept.view == "single"), size // 25):
            fresh = {**make_record(rng, rng.randrange(10**6)), "id": old} if rng.random() < 0.6 else None
            changes.append(made.change(old, fresh))
        alone = sorted(one for one, kept in made.now.items() if kept.view == "single")
        for one, other in zip(*[iter(rng.sample(alone, 2 * (size // 40)))] * 2, strict=True):
            cluster = record_id("", min(one, other))
            pairs[cluster] = [one, other]
            changes += [made.change(part, made.now[part].record, "part") for part in (one, other)]
            changes.append(
                made.change(cluster, merged(cluster, [made.now[part].record for part in (one, other)]), "merged")
            )
        if pairs and batch % 2:  # a link goes: the cluster splits
            cluster = rng.choice(sorted(pairs))
            changes.append(made.change(cluster, None, "merged"))
            changes += [made.change(part, made.now[part].record) for part in pairs.pop(cluster)]
        made.batches.append((changes, made.seq))
    return made


def merged(cluster: str, parts: list[Record]) -> Record:
    """One record of several: the first's own, and what only the others have."""
    made: Record = {}
    for part in reversed(parts):
        made |= part
    made |= {"id": cluster}
    if "same_as" in top_level():
        made["same_as"] = [{"id": part["id"], "source": part["source"]} for part in parts]
    return made
