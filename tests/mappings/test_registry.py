"""Each format has its mapping, imported when it is asked for."""

from __future__ import annotations

import pytest

from mappings.registry import FORMATS, mapping
from schemas.errors import MappingError


@pytest.mark.parametrize("format", FORMATS)
def test_each_format_has_a_mapping(format: str) -> None:
    found = mapping(format)
    assert found.VERSION >= 1 and callable(found.to_record)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("raw", [b"", b"\0", b"<", b"{", b"[]", b"null", b"<html/>", b"\xff\xfe<\0"])
def test_each_refuses_what_it_cannot_read_with_a_reason(format: str, raw: bytes) -> None:
    with pytest.raises(MappingError) as caught:
        mapping(format).to_record(raw, {})
    assert caught.value.code.startswith("mapping.") and caught.value.detail


def test_an_unknown_format_is_told() -> None:
    with pytest.raises(MappingError) as caught:
        mapping("marc")
    assert caught.value.code == "mapping.unknown-format" and "voresource" in caught.value.detail
