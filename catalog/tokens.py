"""Tokens for whatever writes over HTTP. The secret is shown once; the store keeps its hash.

A token reads ``ast_ID_SECRET``. The secret has 256 random bits, so a plain SHA-256 of it gives nothing away.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from sqlalchemy import delete, insert, or_, select

from catalog import clock
from catalog.store import Store
from catalog.tables import token
from schemas.errors import AccessError

PREFIX = "ast_"


@dataclass(frozen=True, slots=True)
class Token:
    """A token, without its secret."""

    id: str
    name: str
    created_at: str


def create_token(store: Store, name: str) -> str:
    """Make a token for ``name`` and give its text, which nobody can show again.

    Raises
    ------
    AccessError
        ``access.token-exists``: each name has one token.
    """
    name = name.strip()
    if not name:
        raise AccessError("bad-name", "give the token a name that says who will use it")
    id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    row = {"id": id, "name": name, "hash": _hash(secret), "created_at": clock.stamp(clock.now())}
    with store.database.writing() as connection:
        if connection.execute(select(token.c.id).where(token.c.name == name)).first() is not None:
            raise AccessError(
                "token-exists", f"there is a token {name!r} already; revoke it first, or use another name"
            )
        connection.execute(insert(token), row)
    return f"{PREFIX}{id}_{secret}"


def check_token(store: Store, presented: str) -> Token | None:
    """The token that was presented, or None when it is no good. Takes the same time for any wrong secret."""
    id, _, secret = presented.strip().removeprefix(PREFIX).partition("_")
    if not presented.strip().startswith(PREFIX) or not (id.isascii() and id.isalnum()):
        return None
    with store.database.reading() as connection:
        row = connection.execute(select(token).where(token.c.id == id)).first()
    known = bytes(row.hash) if row is not None else bytes(hashlib.sha256().digest_size)
    good = hmac.compare_digest(known, _hash(secret))
    return Token(row.id, row.name, row.created_at) if row is not None and good else None


def list_tokens(store: Store) -> list[Token]:
    """All tokens by name."""
    with store.database.reading() as connection:
        rows = connection.execute(select(token.c.id, token.c.name, token.c.created_at).order_by(token.c.name)).all()
    return [Token(*row) for row in rows]


def revoke_token(store: Store, which: str) -> Token:
    """End the token of that name or id.

    Raises
    ------
    AccessError
        ``access.unknown-token``.
    """
    with store.database.writing() as connection:
        row = connection.execute(select(token).where(or_(token.c.name == which, token.c.id == which))).first()
        if row is None:
            raise AccessError("unknown-token", f"there is no token {which!r}")
        connection.execute(delete(token).where(token.c.id == row.id))
    return Token(row.id, row.name, row.created_at)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
