"""Full text of the embedded engine: tantivy, keyed by feed number.

A document's words are stored under the ``seq`` of its version. The columns say which versions live, so words of dead
or not yet committed versions are found and ignored; that is what lets one manifest switch both at once.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from mappings.document import TEXT_FIELDS, plain_words
from schemas.errors import QueryError, SearchIndexError

BOOSTS = {"title": 4.0, "identifiers": 4.0, "subjects": 2.0, "creators": 2.0, "description": 1.0, "other": 1.0}
_HEAP = 200_000_000  # bytes that the writer may hold before it flushes; below this an import makes many small parts
_MAX_QUERY = 2000
_FIELD = re.compile(r'(?<![\w"])(\w[\w.+-]*):(?=\S)')
_TOKEN = re.compile(r'"[^"]*"|\S+')


def _schema() -> Any:
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("seq", indexed=True, fast=True)
    for field in TEXT_FIELDS:
        builder.add_text_field(field, tokenizer_name="words")
    return builder.build()


def _analyzer() -> Any:
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    return (
        TextAnalyzerBuilder(Tokenizer.simple())
        .filter(Filter.remove_long(100))
        .filter(Filter.lowercase())
        .filter(Filter.ascii_fold())
        .filter(Filter.stemmer("english"))
        .build()
    )


class Words:
    """One tantivy index in ``folder``; only a writer may ``create`` it.

    Raises
    ------
    FileNotFoundError
        When it is not there: a rebuild has just switched to another.
    SearchIndexError
        ``index.bad-words`` when it is there and cannot be opened.
    OSError
        When it cannot be made or written: tantivy itself says ValueError to everything.
    """

    def __init__(self, folder: Path, *, create: bool) -> None:
        import tantivy

        self.schema = _schema()
        made = create and not (folder / "meta.json").exists()
        if create:
            folder.mkdir(parents=True, exist_ok=True)
        elif not (folder / "meta.json").exists():
            raise FileNotFoundError(folder)
        try:
            self.index = tantivy.Index(self.schema, path=str(folder))
        except ValueError as error:
            if made:
                raise OSError(str(error)) from error
            if not os.access(folder, os.W_OK):  # tantivy makes a lock file to read
                raise SearchIndexError(
                    "read-only", f"{folder} cannot be written, which reading it needs too: look at its permissions"
                ) from error
            raise SearchIndexError(
                "bad-words", f"the text index cannot be opened ({error}): run `asterism reindex`"
            ) from error
        self.index.register_tokenizer("words", _analyzer())
        self.index.config_reader(reload_policy="manual")
        self._writer: Any = None

    def searcher(self) -> Any:
        """The newest committed state; keep it for as long as answers must agree."""
        self.index.reload()
        return self.index.searcher()

    @property
    def writing(self) -> bool:
        return self._writer is not None

    def open_writer(self, applied: int) -> None:
        """Start writing; what a killed writer committed beyond ``applied`` is taken out first."""
        import tantivy

        if self._writer is not None:
            return
        try:
            self._writer = self.index.writer(_HEAP, 1)
        except ValueError as error:
            raise SearchIndexError("busy", f"another process writes this index ({error})") from error
        beyond = tantivy.Query.range_query(
            self.schema, "seq", tantivy.FieldType.Unsigned, lower_bound=applied, include_lower=False
        )
        self._writer.delete_documents_by_query(beyond)

    def add(self, seq: int, text: dict[str, list[str]]) -> None:
        fields: dict[str, Any] = {name: [plain_words(part) for part in parts] for name, parts in text.items()}
        fields["seq"] = seq
        try:
            self._writer.add_json(orjson.dumps(fields).decode())
        except ValueError as error:
            raise OSError(str(error)) from error

    def delete(self, seqs: Sequence[int]) -> None:
        import tantivy

        if seqs:  # by query: delete_documents_by_term finds nothing in an unsigned field (tantivy 0.27.0)
            self._writer.delete_documents_by_query(tantivy.Query.term_set_query(self.schema, "seq", seqs))

    def commit(self) -> None:
        try:
            self._writer.commit()
        except ValueError as error:
            raise OSError(str(error)) from error

    def close(self) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            with contextlib.suppress(ValueError):  # one that has failed has nothing to take back
                writer.rollback()
                writer.wait_merging_threads()


def find(searcher: Any, index: Any, text: str) -> tuple[Any, Any]:
    """Feed numbers, ascending, of all versions that match, and their scores (BM25, tantivy's).

    Raises
    ------
    QueryError
        ``query.bad-text`` when the words cannot be understood.
    """
    if len(text) > _MAX_QUERY:
        raise QueryError("bad-text", f"q is longer than {_MAX_QUERY} characters", parameter="q")
    try:
        query = index.parse_query(_readable(plain_words(text)), list(TEXT_FIELDS), BOOSTS, conjunction_by_default=True)
    except ValueError as error:
        raise QueryError("bad-text", f"q cannot be understood: {error}", parameter="q") from None
    hits = searcher.search(query, limit=max(1, searcher.num_docs), count=False).hits
    if not hits:
        return np.empty(0, dtype=np.int64), np.empty(0)
    seqs = np.array(searcher.fast_field_values("seq", [address for _, address in hits]), dtype=np.int64)
    scores = np.array([score for score, _ in hits], dtype=np.float64)
    order = np.argsort(seqs, kind="stable")
    return seqs[order], scores[order]


def _readable(text: str) -> str:
    """Quote what looks like ``field:`` but names no field: ivo://..., scope:name, 10.5281/zenodo.1."""

    def quoted(found: re.Match[str]) -> str:
        token = found[0]
        if token.startswith('"'):
            return token
        named = _FIELD.match(token)
        if named and named[1] in TEXT_FIELDS:
            return token
        sign = token[0] if token[0] in "+-" else ""
        body = token[len(sign) :]
        if ":" in body or "/" in body:
            return f'{sign}"{body.strip("()")}"'
        return token

    return _TOKEN.sub(quoted, text)
