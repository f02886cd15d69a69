"""Identifiers, licences, ORCIDs and vocabulary words in one spelling."""

from __future__ import annotations

import pytest

from mappings.citation import doi_of, identify, kind_of, language_of, licence_of, orcid_of, vocabulary_word


@pytest.mark.parametrize(
    ("value", "scheme", "found"),
    [
        ("https://doi.org/10.5281/ZENODO.1", None, ("doi", "10.5281/zenodo.1")),
        ("http://dx.doi.org/10.5281/zenodo.1", "URL", ("doi", "10.5281/zenodo.1")),
        ("doi:10.5281/zenodo.1", "DOI", ("doi", "10.5281/zenodo.1")),
        ("https://arxiv.org/abs/2101.00001", "url", ("arxiv", "2101.00001")),
        ("arXiv:astro-ph/0601001", "arXiv", ("arxiv", "astro-ph/0601001")),
        ("2006A&A...457..899A", "ads", ("bibcode", "2006A&A...457..899A")),
        ("ivo://CDS.VizieR/I/239", None, ("ivoid", "ivo://cds.vizier/i/239")),
        ("https://hdl.handle.net/21.1/2", "handle", ("handle", "21.1/2")),
        ("ark:/12345/x", "ARK", ("ark", "ark:/12345/x")),
        ("oai:zenodo.org:1", "oai", ("oai", "oai:zenodo.org:1")),
        ("https://example.org/x", "URL", ("url", "https://example.org/x")),
        ("something", None, ("other", "something")),
    ],
)
def test_identifiers_lose_their_resolvers(value: str, scheme: str | None, found: tuple[str, str]) -> None:
    assert identify(value, scheme) == dict(zip(("scheme", "value"), found, strict=True))


def test_what_is_no_identifier() -> None:
    assert identify("", "url") is None
    assert identify("11.5281/x", "doi") is None
    assert doi_of("10.5281") is None


def test_orcids_need_their_check_digit() -> None:
    assert orcid_of("https://orcid.org/0000-0002-1825-0097") == "0000-0002-1825-0097"
    assert orcid_of("000000021694233x") == "0000-0002-1694-233X"
    assert orcid_of("0000-0002-1825-0098") is None


@pytest.mark.parametrize(
    ("identifier", "uri", "licence"),
    [
        ("cc-by-4.0", None, "CC-BY-4.0"),
        ("cc-by-nc-nd-3.0-igo", None, "CC-BY-NC-ND-3.0-IGO"),
        ("cc-zero", None, "CC0-1.0"),
        ("apache2.0", None, "Apache-2.0"),
        ("gpl-3.0-or-later", None, "GPL-3.0-or-later"),
        ("GPL-3.0+", None, "GPL-3.0-or-later"),
        (None, "https://creativecommons.org/licenses/by-sa/3.0/de/", "CC-BY-SA-3.0-DE"),
        (None, "http://creativecommons.org/licenses/by/4.0/legalcode", "CC-BY-4.0"),
        (None, "https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        (None, "https://opensource.org/licenses/MIT", "MIT"),
        (None, "http://www.apache.org/licenses/LICENSE-2.0", "Apache-2.0"),
        (None, "https://rules.example/", "https://rules.example/"),
        ("house-rules", "https://rules.example/", "https://rules.example/"),
        ("other-open", None, "other-open"),
        (None, None, None),
    ],
)
def test_licences_are_spdx_ids_where_they_have_one(
    identifier: str | None, uri: str | None, licence: str | None
) -> None:
    assert licence_of(identifier, uri) == licence


def test_words() -> None:
    assert vocabulary_word("issupplementto") == "IsSupplementTo"
    assert vocabulary_word("work package leader") == "WorkPackageLeader"
    assert vocabulary_word("isServedBy") == "IsServedBy"
    assert (kind_of("JournalArticle"), kind_of("PhysicalObject")) == ("publication", "other")
    assert [language_of(word) for word in ("eng", "pt_BR", "uzb", "xyz")] == ["en", "pt-BR", "uz", "xyz"]


@pytest.mark.parametrize(
    ("written", "scheme", "value"),
    [
        ("ivo://Auth.Org/Path?Sub/File.FITS", "ivoid", "ivo://auth.org/path?Sub/File.FITS"),
        ("https://n2t.net/ark:/13030/tf5p30086k", "ark", "ark:/13030/tf5p30086k"),
        ("ivo://", "other", "ivo://"),
        ("http://a page of words", "other", "http://a page of words"),
    ],
)
def test_identifiers_by_their_looks(written: str, scheme: str, value: str) -> None:
    assert identify(written) == {"scheme": scheme, "value": value}
