"""The record's JSON Schema (draft 2020-12), generated from marshmallow, and its fast validator."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

_TYPES: list[tuple[type[fields.Field[Any]], str]] = [
    (fields.Boolean, "boolean"),
    (fields.Integer, "integer"),
    (fields.Float, "number"),
    (fields.String, "string"),
]
_DOCUMENTED = {"unit": "x-unit", "frame": "x-frame", "standard": "x-standard", "search": "x-search"}


def json_schema(schema: Schema) -> dict[str, Any]:
    """JSON Schema of a marshmallow schema, with units, frames and standards as ``x-`` keywords."""
    properties = {name: _field(field) for name, field in schema.fields.items()}
    required = sorted(name for name, field in schema.fields.items() if field.required)
    made: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        made["required"] = required
    return made


def _field(field: fields.Field[Any]) -> dict[str, Any]:
    made: dict[str, Any]
    if isinstance(field, fields.Nested):
        made = json_schema(field.schema)
    elif isinstance(field, fields.List):
        made = {"type": "array", "items": _field(field.inner)}
    elif isinstance(field, fields.Dict):
        made = {"type": "object"}
    else:
        made = {"type": next(word for kind, word in _TYPES if isinstance(field, kind))}
    for check in field.validators:
        _check(made, check)
    if field.allow_none:
        made["type"] = [made["type"], "null"]
    if "description" in field.metadata:
        made["description"] = field.metadata["description"]
    for ours, theirs in _DOCUMENTED.items():
        if ours in field.metadata:
            made[theirs] = field.metadata[ours]
    return made


def _check(made: dict[str, Any], check: Any) -> None:
    match check:
        case validate.OneOf():
            made["enum"] = list(check.choices)
        case validate.Regexp():
            made["pattern"] = check.regex.pattern
        case validate.Range():
            if check.min is not None:
                made["minimum"] = check.min
            if check.max is not None:
                made["maximum"] = check.max
        case validate.Length():
            noun = "Length" if made["type"] == "string" else "Items"
            low = check.equal if check.equal is not None else check.min
            high = check.equal if check.equal is not None else check.max
            if low is not None:
                made[f"min{noun}"] = low
            if high is not None:
                made[f"max{noun}"] = high
        case _:
            raise TypeError(f"no JSON Schema for the validator {check!r}")


@functools.cache
def record_schema() -> dict[str, Any]:
    """The JSON Schema of a record, as published in ``docs/reference/record.schema.json``."""
    from schemas.record import RecordSchema

    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Asterism record",
        **json_schema(RecordSchema()),
    }


@functools.cache
def record_validator() -> Draft202012Validator:
    """Compile the record's schema once (5 microseconds a record, where marshmallow takes 280)."""
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator(record_schema())
