"""Descriptions become text: HTML, entities, mathematics that only looks like HTML, hostile nesting."""

from __future__ import annotations

import time
import unicodedata

import pytest

from mappings.text import one_line, plain_text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>Flux of the <b>Crab</b> &amp; M&nbsp;1</p><p>x &lt; 3</p>", "Flux of the Crab & M 1\nx < 3"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("<ul><li>one</li><li>two</li></ul>", "one\ntwo"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("before<script>if (a<b) alert('x')</script><style>p{}</style> after", "before after"),
        ("a <!-- not this --> b", "a b"),
        ("<b>unclosed", "unclosed"),
        ("<a href='https://example.org/?a=1&b=2' target=_blank>link</a>, then", "link, then"),
        ("<jats:p>From a <jats:italic>publisher</jats:italic></jats:p>", "From a publisher"),
        ("10<sup>51</sup> erg, the 1<sup>st</sup>, H<sub>2</sub>", "10^51 erg, the 1st, H2"),
        ("<P CLASS='x'>Upper</P>", "Upper"),
    ],
)
def test_html_becomes_text(markup: str, text: str) -> None:
    assert plain_text(markup) == text


@pytest.mark.parametrize(
    "text",
    [
        "a < b",
        "x<y and z>2",
        "if a <b and c>d",
        "energies <5 keV> and more",
        "R&D at https://example.org/?a=1&copy=2",
        "two lines\nkept\n\nand a paragraph",
        "Žižka, Ångström, 北京, γ-ray",
        "",
    ],
)
def test_plain_text_passes_unharmed(text: str) -> None:
    assert plain_text(text) == text


def test_a_less_than_beside_real_tags_is_kept() -> None:
    assert plain_text("<p>R&D <5 keV> and <i>E</i> < 3</p>") == "R&D <5 keV> and E < 3"


def test_entities_are_decoded_once() -> None:
    assert plain_text("caf&eacute; &#8211; AT&amp;T") == "café – AT&T"
    assert plain_text("&amp;lt;") == "&lt;"
    assert plain_text("the &lt;p&gt; element") == "the <p> element"


def test_html_that_was_escaped_twice_is_html() -> None:
    assert plain_text("&lt;h2&gt;R&amp;amp;D&lt;/h2&gt;\n&lt;p&gt;x &amp;lt; 3&lt;/p&gt;") == "R&D\nx < 3"


def test_white_space_and_control_characters() -> None:
    assert plain_text("  a\tb\r\n   c\n\n\n\n d\x00\x1b\ud800\ufeff ") == "a b\nc\n\nd"
    assert plain_text("<p>a\n   b</p>") == "a b"


def test_accents_are_composed() -> None:
    assert plain_text("Ku\u0308rster") == unicodedata.normalize("NFC", "Kürster")


def test_one_line() -> None:
    assert one_line("<p>A title</p>\n<p>in two\nparts</p>") == "A title in two parts"


def test_nesting_beyond_what_the_parser_reads_loses_no_text() -> None:
    assert plain_text("<div>" * 5000 + "deep" + "</div>" * 5000 + "after") == "deep after"


@pytest.mark.parametrize("piece", ['<a x="', "<p>", "<a ", "<", "<a x=y", "&", "<!--"])
def test_hostile_repetition_takes_time_in_proportion(piece: str) -> None:
    def seconds(times: int) -> float:
        started = time.process_time()
        plain_text(piece * times)
        return time.process_time() - started

    short, long = max(seconds(5_000), 0.01), seconds(50_000)
    assert long < 40 * short  # ten times the input; a quadratic reader would need a hundred times


def test_a_less_than_sign_does_not_keep_entities_from_being_read():
    assert plain_text("a < b &amp; c &lt; d") == "a < b & c < d"
