"""Pure translations between the record and every other shape; no I/O.

Each way in is a module with ``VERSION`` (raise it when the same raw document gives another record)
and ``to_record(raw: bytes, options: Mapping[str, Any]) -> Mapped``. It raises
:class:`~schemas.errors.MappingError` when the document cannot become a record at all.
"""
