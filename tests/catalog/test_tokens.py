"""Tokens: shown once, checked by their hash, revoked by name."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from catalog.store import Store
from catalog.tables import token
from catalog.tokens import check_token, create_token, list_tokens, revoke_token
from schemas.errors import AccessError


def test_a_token_opens_until_it_is_revoked(store: Store) -> None:
    text = create_token(store, "curator")
    assert text.startswith("ast_")
    found = check_token(store, text)
    assert found is not None and found.name == "curator"
    assert [one.name for one in list_tokens(store)] == ["curator"]
    revoke_token(store, "curator")
    assert check_token(store, text) is None and list_tokens(store) == []


def test_the_secret_is_not_kept(store: Store) -> None:
    text = create_token(store, "curator")
    secret = text.rsplit("_", 1)[1].encode()
    with store.database.reading() as connection:
        row = connection.execute(select(token)).one()
    assert all(secret not in (value if isinstance(value, bytes) else str(value).encode()) for value in row)


def test_anything_else_opens_nothing(store: Store) -> None:
    text = create_token(store, "curator")
    other = create_token(store, "robot")
    mixed = text.rsplit("_", 1)[0] + "_" + other.rsplit("_", 1)[1]
    for wrong in ("", "ast_", "ast__", text[:-1], text + "x", text[4:], mixed, "ast_\0_x", "ast_\ud800_\ud800", "💥"):
        assert check_token(store, wrong) is None, wrong


def test_names_are_used_once(store: Store) -> None:
    create_token(store, "curator")
    for name, code in (("curator", "token-exists"), (" ", "bad-name")):
        with pytest.raises(AccessError) as caught:
            create_token(store, name)
        assert caught.value.code == f"access.{code}"
    with pytest.raises(AccessError) as caught:
        revoke_token(store, "nobody")
    assert caught.value.code == "access.unknown-token"
