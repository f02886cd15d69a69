"""Documents drawn from the record's JSON Schema: right ones, and right ones in which something was changed."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

from schemas.jsonschema import record_schema

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)  # lone surrogates are not JSON
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
# what people and sources write for numbers, truth values, dates and lists
JUNK: list[Any] = [None, "", "5", 5, 5.0, 5.5, -1, 1e300, True, "true", "yes", [], {}, [None], ["x"], [1, 2]]
JUNK += ["2014-05-02\n", "٢٠١٤", "2014-05-02x", "0000-0000-0000-000X", {"x": 1}, 361, 90.0000001, -5]


def of(schema: dict[str, Any]) -> st.SearchStrategy[Any]:  # noqa: PLR0911  # one for each type of JSON Schema
    """JSON values that a schema of ours allows."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema["type"]
    if isinstance(kind, list):
        return st.one_of(*(of({**schema, "type": one}) for one in kind))
    match kind:
        case "object" if "properties" in schema:
            made = {name: of(field) for name, field in schema["properties"].items()}
            required = {name: made.pop(name) for name in schema.get("required", ())}
            return st.fixed_dictionaries(required, optional=made)
        case "object":
            return st.dictionaries(texts, json_values, max_size=3)
        case "array":
            low = schema.get("minItems", 0)
            return st.lists(of(schema["items"]), min_size=low, max_size=schema.get("maxItems", max(low, 2)))
        case "string" if "pattern" in schema:
            return st.from_regex(schema["pattern"], fullmatch=True).map(str.strip)
        case "string":
            return texts if schema.get("minLength") else texts | st.just("")
        case "integer":
            return st.integers(schema.get("minimum", -(2**53)), schema.get("maximum", 2**53))
        case "number":
            low, high = schema.get("minimum"), schema.get("maximum")
            return st.floats(low, high, allow_nan=False, allow_infinity=False) | st.integers(low or 0, high or 10**6)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
    raise AssertionError(kind)


right = of(record_schema())


def _places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return found + [place for key, value in pairs for place in _places(value, (*path, key))]


@st.composite
def changed(draw: st.DrawFn) -> Any:
    """A right document with one or two values replaced, taken out, or one too many."""
    document = copy.deepcopy(draw(right))
    for _ in range(draw(st.integers(1, 2))):
        places = _places(document)
        if not places:
            break
        *way, last = draw(st.sampled_from(places))
        parent = document
        for key in way:
            parent = parent[key]
        match draw(st.sampled_from(["replace", "remove", "add"])):
            case "remove":
                del parent[last]
            case "add" if isinstance(parent, dict):
                parent[draw(texts)] = draw(st.sampled_from(JUNK))
            case _:
                parent[last] = copy.deepcopy(draw(st.sampled_from(JUNK)))
    return document
