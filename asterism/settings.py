"""The settings: ``asterism.toml`` and two environment variables, read here and nowhere else.

``ASTERISM_CONFIG`` names the file (``--config`` wins over it, ``./asterism.toml`` is the default), ``ASTERISM_DATA``
the data folder (it wins over ``data`` in the file). An unknown key is an error that names its nearest neighbour.

A value may name an environment variable, ``"${RUCIO_PASSWORD}"``. In a source such a name is looked up when that
source is harvested, so that a search never needs a harvest's passwords.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from asterism.settings_placement import read_placement
from placement.settings import DemandSettings, LakeSettings
from schemas.errors import SettingsError
from schemas.policy import Policy

FILE_NAME = "asterism.toml"
DEFAULT_DATA = "asterism-data"
KEYS = (
    *("data", "contact", "public_url", "store", "index", "thesaurus", "resolver", "sources"),
    *("lake", "demand", "policies"),
)
INDEX_KEYS = ("url", "prefix", "api_key", "ca", "shards")
SOURCE_KEYS = {
    "name": "its name, in the field `source` of its records",
    "kind": "its protocol",
    "rate": "requests a second at most",
    "crosswalk": "a TOML file that says what the source's own metadata keys mean, relative to this file",
}
_CROSSWALK_KINDS = ("rucio",)
_LISTS = ("scopes", "types", "communities")
_FILES = ("token_file", "certificate")
_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
# a source's name stands in URLs, in terms of the index and on the command line
# begins the names of Elasticsearch's indices and aliases
_PREFIX = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """One ``[[sources]]`` table. ``options`` are the kind's own keys as written, ``${NAME}`` still in them.

    ``place`` is where the table stands, for messages; files are relative to ``folder``, the settings file's.
    """

    name: str
    kind: str
    options: Mapping[str, Any]
    place: str
    folder: Path
    rate: float | None = None
    crosswalk: Path | None = None

    def resolved(self) -> dict[str, Any]:
        """The options with each ``${NAME}`` replaced by that environment variable.

        Raises
        ------
        SettingsError
            ``settings.unset-variable``, which names the variable and the key.
        """
        found = {key: _resolve(value, f"{key} in {self.place}") for key, value in self.options.items()}
        return {key: str(self.folder / value) if key in _FILES else value for key, value in found.items()}

    @property
    def address(self) -> str:
        """The source's URL for people: as written, without the password that it may hold."""
        return _shown(str(self.options.get("url", "")))


@dataclass(frozen=True, slots=True)
class ElasticSettings:
    """The Elasticsearch that is searched; ``shards`` of a new index, where the server is not to decide."""

    url: str
    prefix: str = "asterism"
    api_key: str | None = None
    ca: Path | None = None
    shards: int | None = None

    @property
    def address(self) -> str:
        """The URL without the password that it may hold."""
        return _shown(self.url)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the file says, made absolute. ``store`` is an SQLAlchemy URL; ``file`` is None where there is no file.

    ``elastic`` is None where the embedded engine searches. ``thesaurus`` is a file of subjects, ``resolver`` the
    address of a Sesame service. ``lake`` is None where nobody's replicas are looked after.
    """

    file: Path | None
    data: Path
    store: str
    contact: str
    public_url: str | None
    sources: tuple[SourceSettings, ...]
    elastic: ElasticSettings | None = None
    thesaurus: Path | None = None
    resolver: str | None = None
    lake: LakeSettings | None = None
    demand: DemandSettings = field(default_factory=DemandSettings)
    policies: tuple[Policy, ...] = ()

    @property
    def index(self) -> Path:
        """The folder of the embedded search index."""
        return self.data / "index"

    def source(self, name: str) -> SourceSettings:
        """The source of that name.

        Raises
        ------
        SettingsError
            ``settings.unknown-source``, which names the nearest one.
        """
        for one in self.sources:
            if one.name == name:
                return one
        raise SettingsError(
            "unknown-source",
            f"no source {name!r} in {self.file or 'the settings'}{_nearest(name, [s.name for s in self.sources])}",
            source=name,
        )


def locate(config: Path | None) -> Path:
    """The file that is meant, whether it exists or not: ``--config``, else ASTERISM_CONFIG, else ./asterism.toml."""
    named = config or os.environ.get("ASTERISM_CONFIG")
    return Path(named).absolute() if named else Path.cwd() / FILE_NAME


def load(config: Path | None = None) -> Settings:
    """Read the settings.

    With no file at all ASTERISM_DATA alone is enough: no sources, everything else as if unsaid.

    Raises
    ------
    SettingsError
        ``settings.*``; the sentence names the file and the key.
    """
    file = locate(config)
    try:
        with file.open("rb") as stream:
            document = tomllib.load(stream)
    except FileNotFoundError:
        chosen = config is not None or "ASTERISM_CONFIG" in os.environ
        if chosen or "ASTERISM_DATA" not in os.environ:
            raise SettingsError(
                "no-file",
                f"no settings file {file}; make one with: asterism{' --config ' + str(file) if chosen else ''} init",
                file=str(file),
            ) from None
        return read({}, None)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError("unreadable", f"{file} cannot be read: {error}", file=str(file)) from error
    return read(document, file)


def read(document: Mapping[str, Any], file: Path | None) -> Settings:
    """Check a settings document and make it absolute; relative paths are relative to ``file``'s folder."""
    where = str(file or "the settings")
    folder = file.parent if file else Path.cwd()
    _known(document, KEYS, where)
    data = os.environ.get("ASTERISM_DATA")
    path = Path(data).absolute() if data else folder / _resolve(_text(document, "data", where) or DEFAULT_DATA, where)
    tables = document.get("sources", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise SettingsError("bad-value", f"sources in {where}: write each source as a table, [[sources]]")
    sources = tuple(_source(table, n, where, folder) for n, table in enumerate(tables, 1))
    for n, one in enumerate(sources):
        if any(other.name == one.name for other in sources[:n]):
            raise SettingsError("duplicate-source", f"two sources are named {one.name!r} in {where}; rename one")
    store = _text(document, "store", where)
    contact = _text(document, "contact", where)
    public_url = _text(document, "public_url", where)
    thesaurus = _text(document, "thesaurus", where)
    return Settings(
        file=file,
        data=path,
        store=_resolve(store, f"store in {where}") if store else f"sqlite:///{path / 'asterism.db'}",
        contact=_resolve(contact, f"contact in {where}") if contact else "",
        public_url=public_url.rstrip("/") if public_url else None,
        sources=sources,
        elastic=_elastic(document.get("index"), where, folder),
        thesaurus=folder / _resolve(thesaurus, f"thesaurus in {where}") if thesaurus else None,
        resolver=_resolver(document, where),
        **read_placement(document, where, folder, sources),
    )


def hand_down(settings: Settings) -> None:
    """Let child processes (the workers of ``serve``) load these settings: they get them by environment."""
    if settings.file is not None:
        os.environ["ASTERISM_CONFIG"] = str(settings.file)
    os.environ["ASTERISM_DATA"] = str(settings.data)


def _shown(url: str) -> str:
    """``url`` as it may be shown: without user and password (RFC 3986, section 3.2.1), query and fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _resolver(document: Mapping[str, Any], where: str) -> str | None:
    """``resolver``: the address of a Sesame service."""
    found = _resolve(_text(document, "resolver", where), f"resolver in {where}")
    if found is not None and not _is_address(found):
        raise SettingsError("bad-value", f"resolver in {where}: give the address of a Sesame service, https://...")
    return found  # type: ignore[no-any-return]  # a text, of a text


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _elastic(value: Any, where: str, folder: Path) -> ElasticSettings | None:
    """``index``: the address of an Elasticsearch, or a table of it and more."""
    if value is None:
        return None
    place = f"index in {where}"
    table = value if isinstance(value, dict) else {"url": value}
    _known(table, INDEX_KEYS, place)
    found = {key: _resolve(_text(table, key, place), f"{key} of {place}") for key in INDEX_KEYS if key != "shards"}
    if not found["url"]:
        raise SettingsError("missing-key", f'{place} has no url; give one: url = "https://..."', key="url")
    if not _is_address(found["url"]):
        raise SettingsError("bad-value", f"{place}: give the address of an Elasticsearch, http://... or https://...")
    if found["api_key"] and not re.fullmatch(r"[!-~]+", found["api_key"]):  # an HTTP library would show it in its error
        raise SettingsError("bad-value", f"api_key of {place}: it holds a space or a line feed", key="api_key")
    prefix = found["prefix"] or "asterism"
    if not _PREFIX.fullmatch(prefix):
        said = "use up to 100 small letters, digits, dots, hyphens, underscores"
        raise SettingsError("bad-value", f"prefix of {place}: {said}", key="prefix")
    shards = table.get("shards")
    if shards is not None and (isinstance(shards, bool) or not isinstance(shards, int) or not 1 <= shards <= 1024):
        raise SettingsError("bad-value", f"shards of {place}: give a number from 1 to 1024", key="shards")
    ca = folder / found["ca"] if found["ca"] else None
    if ca is not None and not ca.is_file():
        raise SettingsError("unreadable", f"the certificate {ca} of {place} cannot be read", key="ca")
    return ElasticSettings(found["url"], prefix, found["api_key"], ca, shards)


def _source(table: dict[str, Any], number: int, where: str, folder: Path) -> SourceSettings:
    from harvesters.registry import OPTIONS

    name = _text(table, "name", f"source {number} of {where}")
    place = f"source {name or number} of {where}"
    kind = _text(table, "kind", place)
    if not name:
        raise SettingsError("missing-key", f'{place} has no name; give it one: name = "..."', key="name")
    if not _NAME.fullmatch(name):
        raise SettingsError("bad-value", f"name in {place}: use up to 64 letters, digits, dots, hyphens, underscores")
    if not kind:
        raise SettingsError("missing-key", f"{place} has no kind; give one of {', '.join(OPTIONS)}", key="kind")
    if kind not in OPTIONS:
        raise SettingsError("unknown-kind", f"no kind {kind!r} ({place}){_nearest(kind, OPTIONS)}", key="kind")
    own = OPTIONS[kind]
    common = [key for key in SOURCE_KEYS if key != "crosswalk" or kind in _CROSSWALK_KINDS]
    _known(table, [*common, *own], place)
    for key, required in own.items():
        if required and key not in table:
            raise SettingsError("missing-key", f"{place} has no {key}, which a {kind} source needs", key=key)
    rate = table.get("rate")
    if rate is not None and (isinstance(rate, bool) or not isinstance(rate, int | float) or rate <= 0):
        raise SettingsError("bad-value", f"rate in {place}: give requests a second, a number above 0", key="rate")
    crosswalk = _text(table, "crosswalk", place)
    options = {key: _option(table, key, place) for key in own if key in table}
    return SourceSettings(name, kind, options, place, folder, rate, folder / crosswalk if crosswalk else None)


def _option(table: Mapping[str, Any], key: str, place: str) -> str | list[str]:
    if key not in _LISTS:
        return _text(table, key, place) or ""
    value = table[key]
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not items or not all(isinstance(item, str) and item for item in items):
        raise SettingsError("bad-value", f"{key} in {place}: give a list of texts, none of them empty", key=key)
    return items


def _text(table: Mapping[str, Any], key: str, where: str) -> str | None:
    value = table.get(key)
    if value is None or (isinstance(value, str) and value):
        return value
    raise SettingsError("bad-value", f"{key} in {where}: give a text that is not empty", key=key)


def _known(table: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    allowed = list(known)
    for key in table:
        if key not in allowed:
            hint = _nearest(key, allowed) or f"; it may have {', '.join(allowed)}"
            raise SettingsError("unknown-key", f"unknown key {key!r} in {where}{hint}", key=key)


def _nearest(word: str, known: Iterable[str]) -> str:
    choices = list(known)
    near = difflib.get_close_matches(word, choices, 1, 0.4)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there is {', '.join(choices)}" if choices else ""


def _resolve(value: Any, what: str) -> Any:
    if isinstance(value, list):
        return [_resolve(item, what) for item in value]
    if not isinstance(value, str):
        return value

    def look_up(found: re.Match[str]) -> str:
        if (text := os.environ.get(found[1])) is None:
            raise SettingsError(
                "unset-variable",
                f"{what} names the environment variable {found[1]}, which is not set; set it and try again",
                variable=found[1],
            )
        return text

    return _VARIABLE.sub(look_up, value)
