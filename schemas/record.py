"""The record: one JSON document per thing, validated once, at the door.

A record is a plain ``dict`` of JSON values in the field's own names. :class:`RecordSchema` says
what may stand in it; :func:`validate_record` checks a document at once against the JSON Schema generated
from it (``schemas/jsonschema.py``), and asks marshmallow only to explain a failure. Neither changes
the document, so a round trip loses nothing.

Each field's ``metadata`` says its meaning (``description``), the ``standard`` it is taken from,
its ``unit`` and ``frame`` where it has one, and, in ``search``, how it is searched:
``keyword``, ``number``, ``date``, ``interval`` or ``text`` (see ``schemas/fields.py``).
"""

from __future__ import annotations

import base64
import functools
import hashlib
import math
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from schemas.errors import RecordError

Record = dict[str, Any]

KINDS = (
    "collection",
    "dataset",
    "observation",
    "service",
    "software",
    "publication",
    "organisation",
    "authority",
    "registry",
    "standard",
    "other",
)
RIGHTS = ("open", "embargoed", "restricted")
ID_LENGTH = 16  # base32hex characters, 80 bits: 10 million records collide with probability 4e-11


def record_id(source: str, native_id: str) -> str:
    """The id of what ``source`` calls ``native_id``: 16 characters of base32hex, lower case.

    The alphabet keeps the order of the bits, so ids sort as the first 80 bits of the hash do.
    """
    digest = hashlib.blake2b(f"{source}\0{native_id}".encode(), digest_size=10).digest()
    return base64.b32hexencode(digest).decode().lower()


def _f(kind: type[fields.Field[Any]], description: str, *, std: str, **kw: Any) -> Any:
    """Make a field whose documentation is part of the schema."""
    meta = {"description": description, "standard": std}
    for name in ("unit", "frame", "search", "alias"):
        if name in kw:
            meta[name] = kw.pop(name)
    return kind(metadata=meta, **kw)


def _nested(schema: type[Schema], description: str, *, std: str, many: bool = False, **kw: Any) -> Any:
    meta = {"description": description, "standard": std}
    for name in ("unit", "frame", "search"):
        if name in kw:
            meta[name] = kw.pop(name)
    nested = fields.Nested(schema, unknown=RAISE)
    if many:
        return fields.List(nested, metadata=meta, **kw)
    return fields.Nested(schema, unknown=RAISE, metadata=meta, **kw)


def _strings(description: str, *, std: str, search: str = "keyword") -> Any:
    return fields.List(
        fields.String(validate=_FILLED),
        metadata={"description": description, "standard": std, "search": search},
    )


_FILLED = validate.Length(min=1)
_NOT_NEGATIVE = validate.Range(min=0)


class _Strict(Schema):
    class Meta:
        unknown = RAISE


# marshmallow's own fields read "5" as a number and "yes" as true, and give 83 back as 83.0; JSON Schema knows no such
# conversions, and the two must agree on every document


class _Number(fields.Float):
    """A finite JSON number, given back as it came."""

    def _validated(self, value: Any) -> Any:
        if isinstance(value, str):
            raise self.make_error("invalid", input=value)
        super()._validated(value)
        return value


class _Integer(fields.Integer):
    """A JSON number without a fraction, given back as it came."""

    def _validated(self, value: Any) -> Any:
        if isinstance(value, str) or super()._validated(value) != value:
            raise self.make_error("invalid", input=value)
        return value


class _Boolean(fields.Boolean):
    """true or false, and no word or number for them."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if value is not True and value is not False:
            raise self.make_error("invalid", input=value)
        return value


class _Pattern(validate.Regexp):
    """Holds for the whole text: Python's ``$`` would let a line feed pass."""

    def __call__(self, value: Any) -> Any:
        if self.regex.fullmatch(value) is None:
            raise ValidationError(self._format_error(value))
        return value


class IdentifierSchema(_Strict):
    scheme = _f(
        fields.String,
        "What kind of identifier: ivoid, doi, rucio, ark, url, handle, bibcode, arxiv ...",
        std="DataCite 4.6 alternateIdentifierType",
        required=True,
        validate=_FILLED,
        search="keyword",
    )
    value = _f(
        fields.String,
        "The identifier, without a resolver's address: 10.5281/zenodo.1, ivo://cds.vizier/i/239, scope:name",
        std="DataCite 4.6 identifier",
        required=True,
        validate=_FILLED,
        search="keyword",
        alias="identifiers",
    )


class PersonSchema(_Strict):
    name = _f(
        fields.String,
        "Name as cited: Family, Given; or an organisation's name",
        std="DataCite 4.6 creatorName",
        required=True,
        validate=_FILLED,
        search="keyword",
        alias="@",
    )
    orcid = _f(
        fields.String,
        "ORCID iD, the bare 16 digits with hyphens",
        std="DataCite 4.6 nameIdentifier",
        validate=_Pattern(r"^[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{3}[0-9X]$"),
        search="keyword",
    )
    affiliations = _strings("Where the person worked", std="DataCite 4.6 affiliation")
    role = _f(
        fields.String,
        "What a contributor did: ContactPerson, DataCollector, HostingInstitution ...",
        std="DataCite 4.6 contributorType",
        validate=_FILLED,
        search="keyword",
    )


class SubjectSchema(_Strict):
    term = _f(
        fields.String,
        "Subject term as the source wrote it",
        std="DataCite 4.6 subject",
        required=True,
        validate=_FILLED,
        search="keyword",
        alias="@",
    )
    scheme = _f(
        fields.String,
        "Vocabulary of the term, e.g. UAT",
        std="DataCite 4.6 subjectScheme",
        search="keyword",
    )
    uri = _f(fields.String, "The term's own URI", std="DataCite 4.6 valueURI", search="keyword")


# a year, and as much of month, day, time of day and zone as the source gave
_DATE = r"-?[0-9]{4,6}(-[0-9]{2}(-[0-9]{2}([T ][0-9]{2}(:?[0-9]{2}){0,2}([.,][0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?)?)?"


class DateSchema(_Strict):
    date = _f(
        fields.String,
        "A date or interval in the precision the source gave: 2014, 2014-05, 2014-05-02T10:00:00Z, 2014/2016",
        std="DataCite 4.6 date (RKMS-ISO8601); UTC",
        required=True,
        validate=_Pattern(rf"^({_DATE}(/({_DATE}|\.\.)?)?|(\.\.)?/{_DATE})$"),
    )
    type = _f(
        fields.String,
        "What happened then: Issued, Created, Updated, Collected, Available, Valid ...",
        std="DataCite 4.6 dateType",
        required=True,
        validate=_FILLED,
    )


class PositionSchema(_Strict):
    ra = _f(
        _Number,
        "Right ascension",
        std="ObsCore 1.1 s_ra",
        unit="deg",
        frame="ICRS",
        required=True,
        search="number",
        validate=validate.Range(min=0, max=360),
    )
    dec = _f(
        _Number,
        "Declination",
        std="ObsCore 1.1 s_dec",
        unit="deg",
        frame="ICRS",
        required=True,
        search="number",
        validate=validate.Range(min=-90, max=90),
    )


def _lonlat() -> fields.Field[Any]:
    return fields.List(_Number(), validate=validate.Length(equal=2))


class FootprintSchema(_Strict):
    """Exactly one of the four; a MOC and STC-S may be many disjoint regions."""

    circle = _f(
        functools.partial(fields.List, _Number()),  # type: ignore[arg-type]  # a List with its inner field
        "Small circle: right ascension, declination, radius",
        std="DALI 1.1 circle",
        unit="deg",
        frame="ICRS",
        validate=validate.Length(equal=3),
    )
    polygon = _f(
        functools.partial(fields.List, _lonlat()),  # type: ignore[arg-type]  # a List with its inner field
        "Vertices [ra, dec] joined by great circles; the smaller of the two areas, whatever the winding",
        std="DALI 1.1 polygon",
        unit="deg",
        frame="ICRS",
        validate=validate.Length(min=3),
    )
    moc = _f(
        fields.String,
        "Multi-order coverage in ASCII: order/cells, ranges with a hyphen",
        std="MOC 2.0 ASCII serialisation",
        frame="ICRS",
        validate=_FILLED,
    )
    stc_s = _f(
        fields.String,
        "Circle, Ellipse, Box, Polygon, Position, or a Union of them, in the frame that the text names (ICRS if none)",
        std="STC-S, IVOA Note 1.33; ObsCore 1.1 s_region",
        unit="deg",
        validate=_FILLED,
    )


def _interval(unit: str, frame: str, ends: tuple[str, str], std: str) -> type[Schema]:
    bounds: dict[str, Any] = {
        name: _f(_Number, f"{end}; left out: open", std=std, unit=unit, frame=frame)
        for name, end in zip(("min", "max"), ends, strict=True)
    }
    return type("IntervalSchema", (_Strict,), bounds)


TimeSchema = _interval("d", "MJD TDB", ("Start", "End"), "ObsCore 1.1 t_min, t_max; VODataService 1.2 temporal")
SpectralSchema = _interval(
    "m",
    "vacuum",
    ("Shortest wavelength", "Longest wavelength"),
    "ObsCore 1.1 em_min, em_max; VODataService 1.2 spectral",
)
_Energies = _interval("J", "per particle", ("Lowest energy", "Highest energy"), "VODataService 1.2 spectral")


class EnergySchema(_Energies):  # type: ignore[misc,valid-type]  # made just above
    messenger = _f(
        fields.String,
        "What carries the energy",
        std="IVOA messenger vocabulary: Photon, Neutrino ...",
        validate=_FILLED,
        search="keyword",
    )


class AccessSchema(_Strict):
    url = _f(fields.String, "Where it is got", std="ObsCore 1.1 access_url", required=True, validate=_FILLED)
    name = _f(fields.String, "File name or interface role", std="DCAT 3 title", validate=_FILLED)
    protocol = _f(
        fields.String,
        "IVOA standard id of the service (ivo://ivoa.net/std/conesearch), or https, davs, root ...",
        std="VOResource 1.1 standardID",
        validate=_FILLED,
        search="keyword",
    )
    media_type = _f(fields.String, "Media type", std="ObsCore 1.1 access_format", validate=_FILLED, search="keyword")
    bytes = _f(
        _Integer,
        "Size",
        std="ObsCore 1.1 access_estsize, in bytes",
        unit="byte",
        validate=_NOT_NEGATIVE,
        search="number",
    )
    checksum = _f(fields.String, "algorithm:hex, e.g. md5:..., adler32:...", std="InvenioRDM files", validate=_FILLED)


class RightsSchema(_Strict):
    level = _f(
        fields.String,
        "Who may have the data",
        std="COAR access rights",
        validate=validate.OneOf(RIGHTS),
        search="keyword",
    )
    discoverable = _f(
        _Boolean,
        "True where the source shows the metadata of restricted data to everyone; a restricted record "
        "is hidden otherwise",
        std="InvenioRDM access.record",
    )
    licence = _f(fields.String, "SPDX id or licence URI", std="DataCite 4.6 rightsIdentifier", search="keyword")
    statement = _f(fields.String, "Rights in words", std="DataCite 4.6 rights; VOResource 1.1 rights")
    embargo_until = _f(
        fields.String, "Last day of the embargo", std="InvenioRDM access.embargo.until; UTC", search="date"
    )
    groups = _strings("Groups whose members may see a restricted record", std="ours")


class ReplicaSchema(_Strict):
    rse = _f(
        fields.String,
        "Rucio storage element",
        std="Rucio 41 rse",
        required=True,
        validate=_FILLED,
        search="keyword",
        alias="@",
    )
    state = _f(
        fields.String,
        "AVAILABLE, COPYING, UNAVAILABLE ...",
        std="Rucio 41 replica state",
        validate=_FILLED,
        search="keyword",
    )
    files = _f(
        _Integer,
        "Files there",
        std="Rucio 41 available_length",
        validate=_NOT_NEGATIVE,
        search="number",
    )
    bytes = _f(
        _Integer,
        "Bytes there",
        std="Rucio 41 available_bytes",
        unit="byte",
        validate=_NOT_NEGATIVE,
        search="number",
    )


class LockSchema(_Strict):
    rule = _f(fields.String, "Replication rule id", std="Rucio 41 rule_id", required=True, validate=_FILLED)
    account = _f(fields.String, "Owner of the rule", std="Rucio 41 account", search="keyword")
    rse = _f(fields.String, "RSE or RSE expression that the rule keeps it on", std="Rucio 41", search="keyword")
    state = _f(fields.String, "OK, REPLICATING, STUCK, SUSPENDED ...", std="Rucio 41 rule state", search="keyword")
    expires_at = _f(
        fields.String, "End of the rule, UTC; null: never", std="Rucio 41 expires_at", allow_none=True, search="date"
    )


class RelationSchema(_Strict):
    type = _f(
        fields.String,
        "How this is related to that: IsPartOf, IsVersionOf, IsSupplementTo, IsIdenticalTo, IsServedBy ...",
        std="DataCite 4.6 relationType; IVOA relationship_type vocabulary in CamelCase",
        required=True,
        validate=_FILLED,
        search="keyword",
    )
    identifier = _f(
        fields.String,
        "Identifier of the other",
        std="DataCite 4.6 relatedIdentifier",
        required=True,
        validate=_FILLED,
        search="keyword",
        alias="@",
    )
    scheme = _f(
        fields.String,
        "doi, ivoid, rucio, url, bibcode ...",
        std="DataCite 4.6 relatedIdentifierType",
        validate=_FILLED,
    )
    title = _f(fields.String, "Name of the other", std="VOResource 1.1 relatedResource", validate=_FILLED)


class FundingSchema(_Strict):
    funder = _f(fields.String, "Who paid", std="DataCite 4.6 funderName", validate=_FILLED, search="keyword")
    award = _f(fields.String, "Grant number", std="DataCite 4.6 awardNumber", search="keyword")
    title = _f(fields.String, "Grant title", std="DataCite 4.6 awardTitle")
    uri = _f(fields.String, "Grant or funder URI", std="DataCite 4.6 awardURI")


class PartSchema(_Strict):
    id = _f(fields.String, "Id of a source's record of the same thing", std="ours", required=True)
    source = _f(fields.String, "Its source", std="ours", required=True, validate=_FILLED, search="keyword")


class ProvenanceSchema(_Strict):
    endpoint = _f(fields.String, "Address harvested", std="OAI-PMH 2.0 about/provenance baseURL")
    native_id = _f(fields.String, "What the source calls it", std="OAI-PMH 2.0 identifier")
    datestamp = _f(fields.String, "The source's own datestamp, UTC", std="OAI-PMH 2.0 datestamp", search="date")
    harvested_at = _f(fields.String, "When this version came in, UTC", std="OAI-PMH 2.0 harvestDate", search="date")
    format = _f(fields.String, "Form of the raw document", std="ours, see mappings/", search="keyword")
    mapping_version = _f(_Integer, "Version of the mapping that made the record", std="ours")
    checksum = _f(fields.String, "blake2b-128 of the raw document, hex", std="RFC 7693")


class RecordSchema(_Strict):
    """One thing that a source describes."""

    id = _f(
        fields.String,
        "Ours: stable, URL-safe, from source and native id",
        std="ours",
        required=True,
        validate=_Pattern(rf"^[0-9a-v]{{{ID_LENGTH}}}$"),
        search="keyword",
    )
    source = _f(
        fields.String,
        "Name of the source in the configuration",
        std="ours",
        required=True,
        validate=_FILLED,
        search="keyword",
    )
    identifiers = _nested(
        IdentifierSchema,
        "All its persistent names; the first is the source's own",
        std="DataCite 4.6 identifiers",
        many=True,
        required=True,
        validate=_FILLED,
    )

    kind = _f(
        fields.String,
        "What it is",
        std="VOResource 1.1 resource type, DataCite 4.6 resourceTypeGeneral, Rucio DID type, unified",
        required=True,
        validate=validate.OneOf(KINDS),
        search="keyword",
    )
    title = _f(fields.String, "Title", std="DataCite 4.6 title", required=True, validate=_FILLED, search="text")
    alternative_titles = _strings(
        "Short names, subtitles and translations", std="DataCite 4.6 titleType", search="text"
    )
    description = _f(fields.String, "Plain text", std="DataCite 4.6 description", search="text")
    creators = _nested(PersonSchema, "Who made it", std="DataCite 4.6 creators", many=True)
    contributors = _nested(PersonSchema, "Who else had a part", std="DataCite 4.6 contributors", many=True)
    publisher = _f(fields.String, "Who publishes it", std="DataCite 4.6 publisher", validate=_FILLED, search="keyword")
    subjects = _nested(SubjectSchema, "What it is about", std="DataCite 4.6 subjects", many=True)
    dates = _nested(DateSchema, "Dates of its life, in the source's precision", std="DataCite 4.6", many=True)
    version = _f(fields.String, "Version", std="DataCite 4.6 version", validate=_FILLED, search="keyword")
    language = _f(fields.String, "Language", std="DataCite 4.6 language (BCP 47)", validate=_FILLED, search="keyword")
    funding = _nested(FundingSchema, "Who paid for it", std="DataCite 4.6 fundingReferences", many=True)

    facilities = _strings("Observatories and experiments", std="ObsCore 1.1 facility_name")
    instruments = _strings("Instruments", std="ObsCore 1.1 instrument_name")
    targets = _strings("Observed objects", std="ObsCore 1.1 target_name")
    wavebands = _strings("Messenger bands", std="VODataService 1.2 waveband; IVOA messenger vocabulary")
    product_type = _f(
        fields.String,
        "image, cube, spectrum, event ...",
        std="ObsCore 1.1 dataproduct_type",
        validate=_FILLED,
        search="keyword",
    )
    calib_level = _f(
        _Integer,
        "Calibration level",
        std="ObsCore 1.1 calib_level",
        validate=validate.Range(min=-1, max=4),
        search="number",
    )

    position = _nested(
        PositionSchema,
        "Where it points; only where the source states one point",
        std="ObsCore 1.1 s_ra, s_dec",
        frame="ICRS",
    )
    footprint = _nested(
        FootprintSchema, "The region of sky it covers", std="ObsCore 1.1 s_region; MOC 2.0", frame="ICRS"
    )
    time = _nested(TimeSchema, "When it was observed", std="ObsCore 1.1 t_min, t_max", many=True, search="interval")
    spectral = _nested(
        SpectralSchema, "Photons: the bands covered", std="ObsCore 1.1 em_min, em_max", many=True, search="interval"
    )
    energy = _nested(
        EnergySchema, "Other messengers: energies", std="VODataService 1.2 spectral", many=True, search="interval"
    )

    access = _nested(AccessSchema, "Ways to the data", std="ObsCore 1.1 Access", many=True)
    rights = _nested(RightsSchema, "Who may have it, on what terms", std="DataCite 4.6 rightsList")

    replicas = _nested(ReplicaSchema, "Where the copies are", std="Rucio 41 replicas", many=True)
    locks = _nested(LockSchema, "Rules that keep them there", std="Rucio 41 rules", many=True)
    bytes = _f(
        _Integer,
        "Size of all of it",
        std="Rucio 41 bytes; DataCite 4.6 size",
        unit="byte",
        validate=_NOT_NEGATIVE,
        search="number",
    )
    files = _f(
        _Integer,
        "Number of files",
        std="Rucio 41 length",
        validate=_NOT_NEGATIVE,
        search="number",
    )

    relations = _nested(RelationSchema, "Links to other things", std="DataCite 4.6", many=True)
    provenance = _nested(ProvenanceSchema, "Where this record came from", std="OAI-PMH 2.0 provenance")
    extra = _f(
        fields.Dict,
        "The source's own metadata as typed JSON, by namespace: extra.rucio.run_number",
        std="ours",
        keys=fields.String(),
        search="extra",
    )
    same_as = _nested(
        PartSchema,
        "Merged records only: the sources' records that it is made of, the leading one first",
        std="ours",
        many=True,
    )
    chosen = _f(
        fields.Dict,
        "Merged records only: by field, the id of the record that its value is taken from",
        std="ours",
        keys=fields.String(),
    )


def problems(record: Record) -> list[tuple[str, str]]:
    """What the JSON Schema cannot say: (field path, sentence) for each thing that is wrong.

    Only for documents of the right shape (see :func:`validate_record`).
    """
    found: list[tuple[str, str]] = []
    for name in ("time", "spectral", "energy"):
        for n, interval in enumerate(record.get(name, ())):
            low, high = interval.get("min"), interval.get("max")
            if low is None and high is None:
                found.append((f"{name}.{n}", "an interval needs min or max"))
            elif not all(map(math.isfinite, (value for value in (low, high) if value is not None))):
                found.append((f"{name}.{n}", "a bound is not finite; leave it out for an open end"))
            elif low is not None and high is not None and low > high:
                found.append((f"{name}.{n}", f"min {low} is above max {high}"))
            if name != "time" and ((low is not None and low < 0) or (high is not None and high < 0)):
                found.append((f"{name}.{n}", "a wavelength or energy cannot be negative"))
    footprint = record.get("footprint")
    if footprint is not None:
        found += _footprint_problems(footprint)
    if (point := record.get("position")) is not None and not all(map(math.isfinite, point.values())):
        found.append(("position", "a coordinate is not finite"))
    return found


def _footprint_problems(footprint: dict[str, Any]) -> list[tuple[str, str]]:
    if len(footprint) != 1:
        return [("footprint", "give exactly one of circle, polygon, moc, stc_s")]
    found: list[tuple[str, str]] = []
    if circle := footprint.get("circle"):
        ra, dec, radius = circle
        if not (0 <= ra <= 360 and -90 <= dec <= 90 and 0 <= radius <= 180):
            found.append(("footprint.circle", f"{circle} is not a circle on the sky (ra 0..360, dec ±90, 0..180)"))
    for n, (ra, dec) in enumerate(footprint.get("polygon", ())):
        if not (0 <= ra <= 360 and -90 <= dec <= 90):
            found.append((f"footprint.polygon.{n}", f"[{ra}, {dec}] is not on the sky (ra 0..360, dec ±90)"))
    if moc := footprint.get("moc"):
        from schemas.moc import parse_moc

        try:
            parse_moc(moc)
        except ValueError as error:
            found.append(("footprint.moc", str(error)))
    if (region := footprint.get("stc_s")) is not None:
        from schemas.stc_s import parse_stc_s

        try:
            parse_stc_s(region)
        except ValueError as error:
            found.append(("footprint.stc_s", f"the region {error}"))
    return found


def validate_record(document: Any) -> Record:
    """Return ``document`` unchanged if it is a record.

    Raises
    ------
    RecordError
        ``record.invalid``; ``context["errors"]`` maps field paths to sentences.
    """
    from schemas.jsonschema import record_validator

    if record_validator().is_valid(document):
        wrong = dict(problems(document))
        if not wrong:
            return document  # type: ignore[no-any-return]  # it has just been found to be a Record
    else:
        wrong = _explain(document)
    listed = "; ".join(f"{path}: {text}" for path, text in list(wrong.items())[:5])
    raise RecordError("invalid", f"not a record: {listed}", errors=wrong)


def _explain(document: Any) -> dict[str, str]:
    """Ask marshmallow for sentences, once the fast check has said no."""
    from schemas.jsonschema import record_validator

    flat: dict[str, str] = {}

    def walk(path: str, node: Any) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                walk(f"{path}.{key}" if path else str(key), value)
        else:
            flat[path] = " ".join(map(str, node)) if isinstance(node, list) else str(node)

    try:
        RecordSchema().load(document)
    except ValidationError as error:
        walk("", error.messages)
    if not flat:  # the two should agree (tests/schemas/test_record.py); if they ever do not, the JSON Schema decides
        for fault in record_validator().iter_errors(document):
            flat[".".join(map(str, fault.instance_path)) or "(document)"] = fault.message
    return flat
