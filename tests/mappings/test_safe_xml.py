"""XML from strangers: encodings."""

from __future__ import annotations

import pytest

from mappings.safe_xml import parse_xml
from schemas.errors import MappingError

NAME = "Zoë Müller, Łódź"


@pytest.mark.parametrize("declared", ["ISO-8859-1", "windows-1252", "UTF-16", "x-unheard-of", "utf-8"])
def test_utf_8_under_another_name_keeps_its_accents(declared: str) -> None:
    document = f'<?xml version="1.0" encoding="{declared}" standalone="yes"?>\n<a>{NAME}</a>'
    assert parse_xml(document.encode()).text == NAME
    assert parse_xml(b"\xef\xbb\xbf" + document.encode()).text == NAME


@pytest.mark.parametrize("encoding", ["iso-8859-1", "utf-16", "iso-2022-jp", "cp1252"])
def test_an_encoding_that_is_declared_rightly_is_believed(encoding: str) -> None:
    name = "\u5929\u6587" if encoding == "iso-2022-jp" else "Zoë Müller"
    assert parse_xml(f'<?xml version="1.0" encoding="{encoding}"?><a>{name}</a>'.encode(encoding)).text == name


def test_latin_1_that_says_it_is_utf_8_is_refused() -> None:
    with pytest.raises(MappingError) as caught:
        parse_xml('<?xml version="1.0" encoding="utf-8"?><a>Zoë</a>'.encode("latin-1"))
    assert caught.value.code == "mapping.bad-xml"
