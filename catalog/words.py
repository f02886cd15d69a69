"""Full text of the embedded engine: tantivy, keyed by feed number.

A document's words are stored under the ``seq`` of its version. The columns say which versions live, so words of dead
or not yet committed versions are found and ignored; that is what lets one manifest switch both at once.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from mappings.tokens import pattern_regex, token_text, tokens
from schemas import text as typed
from schemas.errors import QueryError, SearchIndexError
from schemas.text import TEXT_FIELDS, Node

BOOSTS = {"title": 4.0, "identifiers": 4.0, "subjects": 2.0, "creators": 2.0, "description": 1.0, "other": 1.0}
_HEAP = 200_000_000  # bytes that the writer may hold before it flushes; below this an import makes many small parts
_Maker = Callable[[Any, str], Any]


def _schema() -> Any:
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("seq", indexed=True, fast=True)
    for field in TEXT_FIELDS:
        builder.add_text_field(field, tokenizer_name="words")
    return builder.build()


def _analyzer() -> Any:
    from tantivy import TextAnalyzerBuilder, Tokenizer

    return TextAnalyzerBuilder(Tokenizer.whitespace()).build()  # the tokens are made here


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

    def open_writer(self, applied: int, kept: Sequence[int] = ()) -> None:
        """Start writing; what a killed writer committed beyond ``applied`` is taken out first, but for ``kept``."""
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
        if kept:
            ahead = tantivy.Query.term_set_query(self.schema, "seq", kept)
            beyond = tantivy.Query.boolean_query([(tantivy.Occur.Must, beyond), (tantivy.Occur.MustNot, ahead)])
        self._writer.delete_documents_by_query(beyond)

    def add(self, seq: int, text: dict[str, list[str]]) -> None:
        fields: dict[str, Any] = {name: [token_text(part) for part in parts] for name, parts in text.items()}
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


def find(searcher: Any, schema: Any, tree: Node) -> tuple[Any, Any]:
    """Feed numbers, ascending, of all versions that match, and their scores (BM25, tantivy's).

    ``tree`` has no comparisons of fields: those are the columns'.

    Raises
    ------
    QueryError
        ``query.bad-text`` when a pattern is too much for tantivy.
    """
    try:
        query = _query(schema, tree)
    except ValueError as error:
        raise QueryError("bad-text", f"q cannot be searched: {error}", parameter="q") from None
    hits = searcher.search(query, limit=max(1, searcher.num_docs), count=False).hits
    if not hits:
        return np.empty(0, dtype=np.int64), np.empty(0)
    seqs = np.array(searcher.fast_field_values("seq", [address for _, address in hits]), dtype=np.int64)
    scores = np.array([score for score, _ in hits], dtype=np.float64)
    order = np.argsort(seqs, kind="stable")
    return seqs[order], scores[order]


def near(searcher: Any, schema: Any, word: str, limit: int = 20) -> list[int]:
    """Feed numbers of up to ``limit`` versions with words within two edits of ``word``, those within one first."""
    found: dict[int, None] = {}
    for distance in (1, 2):
        query = _query(schema, typed.Fuzzy(word, distance))
        hits = searcher.search(query, limit=limit, count=False).hits
        found |= dict.fromkeys(searcher.fast_field_values("seq", [address for _, address in hits]) if hits else ())
        if len(found) >= limit:
            break
    return list(found)[:limit]


def _query(schema: Any, tree: Node) -> Any:
    from tantivy import Occur, Query

    match tree:
        case typed.And(parts):
            wanted = [
                (Occur.MustNot, _query(schema, part.part))
                if isinstance(part, typed.Not)
                else (Occur.Must, _query(schema, part))
                for part in parts
            ]
            if all(isinstance(part, typed.Not) for part in parts):  # tantivy finds nothing by what must not be alone
                wanted.append((Occur.Must, _everything()))
            return Query.boolean_query(wanted)
        case typed.Or(parts):
            return Query.boolean_query([(Occur.Should, _query(schema, part)) for part in parts])
        case typed.Not():
            return _query(schema, typed.And((tree,)))
        case typed.All():
            return _everything()
        case typed.Where():
            raise TypeError(f"{tree} is the columns' to answer")
        case _:
            makers = list(_makers(tree))  # none for a text of no words
            each = [(Occur.Must, _anywhere(schema, tree.field, make)) for make in makers]
            return Query.boolean_query(each)


def _makers(leaf: typed.Words | typed.Phrase | typed.Pattern | typed.Fuzzy) -> Iterator[_Maker]:
    """What each must be found in some field: a function of a field to a query."""
    match leaf:
        case typed.Words(text):
            yield from (partial(_term, token) for token in tokens(text))
        case typed.Phrase(text):
            if words := tokens(text):
                yield partial(_phrase, words)
        case typed.Pattern(text):
            if regex := pattern_regex(text):
                yield partial(_regex, regex)
        case typed.Fuzzy(text, distance):
            if words := tokens(text):
                yield partial(_fuzzy, words[0], distance)


def _everything() -> Any:
    from tantivy import Query

    return Query.const_score_query(Query.all_query(), 0.0)


def _anywhere(schema: Any, field: str | None, make: _Maker) -> Any:
    """What ``make`` makes, in one field or in any; a field's score counts by its boost, and all are added up."""
    from tantivy import Occur, Query

    names = TEXT_FIELDS if field is None else (field,)
    each = [(Occur.Should, Query.boost_query(make(schema, name), BOOSTS[name])) for name in names]
    return Query.boolean_query(each)


def _term(token: str, schema: Any, field: str) -> Any:
    from tantivy import Query

    return Query.term_query(schema, field, token)


def _phrase(words: list[str], schema: Any, field: str) -> Any:
    from tantivy import Query

    return Query.phrase_query(schema, field, words) if len(words) > 1 else _term(words[0], schema, field)


def _regex(regex: str, schema: Any, field: str) -> Any:
    from tantivy import Query

    return Query.regex_query(schema, field, regex)


def _fuzzy(word: str, distance: int, schema: Any, field: str) -> Any:
    from tantivy import Query

    return Query.fuzzy_term_query(schema, field, word, distance, True)
