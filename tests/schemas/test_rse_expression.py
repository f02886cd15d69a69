"""RSE expressions: what they mean and where they are wrong; and that a real Rucio says the same of any."""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import PolicyError
from schemas.rse_expression import parse

LAKE: list[tuple[str, dict[str, Any]]] = [
    ("CERN", {"CERN": True, "country": "CH", "tier": "0", "size": "2.5", "rse_type": "DISK", "volatile": False}),
    ("IDIA-T", {"IDIA-T": True, "country": "ZA", "tier": 1, "archive": True, "rse_type": "TAPE", "city": "True"}),
    ("IDIA", {"IDIA": True, "country": "ZA", "tier": "1", "archive": "false", "rse_type": "DISK", "volatile": True}),
]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("CERN", "CERN"),
        ("cern", ""),
        ("country", ""),  # a text is no tag
        ("archive", "IDIA-T"),
        ("archive=FALSE", "IDIA"),
        ("archive=1", ""),
        ("country=ZA", "IDIA-T IDIA"),
        ("tier=1", "IDIA-T IDIA"),
        ("tier<1", "CERN"),
        ("tier>0", "IDIA-T IDIA"),
        ("size>2", "CERN"),
        ("size<abc", ""),
        ("country>0", ""),
        ("CERN<2", "CERN"),  # true counts as 1
        ("archive>-1", "IDIA-T IDIA"),
        ("*", "CERN IDIA-T IDIA"),
        ("*\\country=ZA", "CERN"),
        ("CERN|country=ZA&archive", "IDIA-T"),  # from left to right
        ("CERN|(country=ZA&archive)", "CERN IDIA-T"),
        ("((*))\\(CERN|IDIA)", "IDIA-T"),
        ("*\\IDIA\\CERN", "IDIA-T"),
        ("*\\(IDIA\\CERN)", "CERN IDIA-T"),
        ("rse_type=TAPE", "IDIA-T"),
        ("rse=IDIA", "IDIA"),
        ("volatile", "IDIA"),
        ("volatile=0", "CERN"),
        ("volatile>0", ""),  # columns are compared for equality alone
        ("city=True", "IDIA-T"),
        ("city=TRUE", ""),
        ("a.b-c_d=x", ""),
        ("update=1", ""),
    ],
)
def test_what_an_expression_means(text: str, names: str) -> None:
    assert parse(text).matching(LAKE) == set(names.split())
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", 0),
        (" CERN", 0),
        ("CERN ", 4),
        ("CERN\n", 4),
        ("CERN IDIA", 4),
        ("CERN||IDIA", 5),
        ("CERN|", 5),
        ("(CERN", 0),
        ("CERN|(IDIA", 5),
        ("CERN)", 4),
        ("()", 1),
        ("(CERN)(IDIA)", 6),
        ("CERN(|IDIA)", 4),
        ("a--b", 1),
        ("-a", 0),
        ("a_", 1),
        ("a.b", 1),
        ("a=b.c", 3),
        ("a=b=c", 3),
        ("a=", 1),
        ("**", 1),
        ("CERN*", 4),
        ("é", 0),
        ("CERN&city", 5),
        ("latitude=50", 0),
        ("rse_type=disk", 0),
        ("rse_type", 0),
        ("volatile=maybe", 0),
    ],
)
def test_what_is_wrong_is_shown(text: str, place: int) -> None:
    with pytest.raises(PolicyError) as caught:
        parse(text)
    assert caught.value.code == "policy.bad-expression"
    assert caught.value.context["place"] == place


def test_a_deep_one_is_no_trouble() -> None:
    assert parse("(" * 50_000 + "CERN" + ")" * 50_000).matching(LAKE) == {"CERN"}


@given(st.text(alphabet="AB1=<>|&\\()*-_. ", max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text).matching(LAKE)
    except PolicyError as error:
        assert 0 <= error.context["place"] <= len(text)


# -- against a real Rucio -------------------------------------------------------------------------------


class Real:
    """RSEs with attributes of their own in a real Rucio, under a prefix that nobody else uses."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30)
        login = {"X-Rucio-Account": "root", "X-Rucio-Username": "ddmlab", "X-Rucio-Password": "secret"}
        token = self.http.get("/auth/userpass", headers=login).raise_for_status().headers["X-Rucio-Auth-Token"]
        self.http.headers["X-Rucio-Auth-Token"] = token
        self.prefix = f"X{secrets.token_hex(3).upper()}"
        self.rses: list[tuple[str, dict[str, Any]]] = []

    def fill(self, draw: random.Random) -> None:
        for n in range(6):
            name = f"{self.prefix}-{n}"
            columns = {"rse_type": draw.choice(["DISK", "TAPE"]), "city": f"{self.prefix}C{n % 2}", "volatile": n == 1}
            self.http.post(f"/rses/{name}", json=columns).raise_for_status()
            for key in "abcd":
                if draw.random() < 0.7:
                    value = draw.choice([True, False, "True", "1", "2.5", "-3", "x", "1e1", "yes-no"])
                    self.http.post(f"/rses/{name}/attr/{self.prefix}.{key}", json={"value": value}).raise_for_status()
            attributes = self.http.get(f"/rses/{name}/attr/").raise_for_status().json()
            self.rses.append((name, attributes | columns))

    def expression(self, draw: random.Random, depth: int = 0) -> str:
        parts = [self._part(draw, depth)]
        while draw.random() < 0.5:
            parts += [draw.choice("|&\\"), self._part(draw, depth)]
        return "".join(parts)

    def _part(self, draw: random.Random, depth: int) -> str:
        if depth < 3 and draw.random() < 0.3:
            return f"({self.expression(draw, depth + 1)})"
        value = draw.choice(["true", "FALSE", "1", "2.5", "-3", "0", "x", "inf", "yes-no", "1_0"])
        key = f"{self.prefix}.{draw.choice('abcd')}"
        own = [f"{self.prefix}-{draw.randrange(8)}", f"{key}{draw.choice('=<>')}{value}", f"{key}={value}"]
        return draw.choice([*own, *own, f"city={self.prefix}C1", "rse_type=TAPE", "volatile", "*"])

    def asked(self, text: str) -> set[str] | None:
        """Which of these RSEs Rucio finds; None: it calls the expression wrong."""
        answer = self.http.get("/rses/", params={"expression": text})
        if answer.status_code != httpx.codes.OK:
            return set() if "empty set" in answer.headers.get("ExceptionMessage", "") else None
        return {json.loads(line)["rse"] for line in answer.text.splitlines()} & {name for name, _ in self.rses}

    def close(self) -> None:
        for name, _ in self.rses:
            self.http.delete(f"/rses/{name}")
        self.http.close()


@pytest.fixture
def real(rucio_url: str) -> Iterator[Real]:
    made = Real(rucio_url)
    yield made
    made.close()


@pytest.mark.real
def test_a_real_rucio_says_the_same(real: Real) -> None:
    draw = random.Random(41)
    real.fill(draw)
    refused = found = 0
    for n in range(300):
        text = real.expression(draw)
        if n % 3 == 0:  # one character lost, doubled or changed
            at = draw.randrange(len(text))
            text = text[:at] + draw.choice(["", text[at] * 2, draw.choice("()|&\\*=<>._- ")]) + text[at + 1 :]
        if not text:
            continue
        theirs = real.asked(text)
        try:
            ours = parse(text).matching(real.rses)
        except PolicyError:
            ours = None
        assert ours == theirs, text
        refused += ours is None
        found += bool(ours)
    assert refused > 20
    assert found > 50
