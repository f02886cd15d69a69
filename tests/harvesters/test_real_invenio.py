"""A real InvenioRDM from one end to the other: published, harvested, searched, changed, deleted, harvested again."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harvesters.program import Program, until


class Repository:
    """Changes a real repository over its REST API; its titles begin with a word that no other has."""

    def __init__(self, url: str, token: str) -> None:
        self.word = f"word{secrets.token_hex(6)}"
        self.http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60)

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, f"/api/records{path}", json=body).raise_for_status()
        return answer.json() if answer.content else None

    def document(self, title: str) -> dict[str, Any]:
        person = {"type": "personal", "given_name": "Annie", "family_name": "Cannon"}
        metadata = {
            "title": f"{self.word} {title}",
            "resource_type": {"id": "dataset"},
            "creators": [{"person_or_org": person}],
            "publication_date": "2024-02-29",
            "publisher": "Harvard",
        }
        public = {"record": "public", "files": "public"}
        return {"metadata": metadata, "files": {"enabled": False}, "access": public}

    def publish(self, title: str) -> str:
        name: str = self("POST", "", self.document(title))["id"]
        self("POST", f"/{name}/draft/actions/publish")
        return name

    def edit(self, name: str, title: str) -> None:
        self("POST", f"/{name}/draft")
        self("PUT", f"/{name}/draft", self.document(title))
        self("POST", f"/{name}/draft/actions/publish")

    def delete(self, name: str) -> None:
        self("DELETE", f"/{name}/delete", {"note": "a test", "is_visible": True})

    def titles(self) -> set[str]:
        """What its own search shows, which follows a change after a second or so."""
        found = self("GET", f"?q=metadata.title:{self.word}&size=25")["hits"]["hits"]
        return {one["metadata"]["title"].removeprefix(f"{self.word} ") for one in found}


@pytest.fixture
def repository(invenio_url: str) -> Iterator[Repository]:
    token = os.environ.get("ASTERISM_TEST_INVENIO_TOKEN")
    if not token:
        how = "no token to change InvenioRDM with: set ASTERISM_TEST_INVENIO_TOKEN to what `invenio token` says"
        if os.environ.get("ASTERISM_REQUIRE_SERVERS") == "1":
            pytest.fail(how)
        pytest.skip(how)
    made = Repository(invenio_url, token)
    yield made
    made.http.close()


@pytest.mark.real
@pytest.mark.parametrize(("kind", "path"), [("invenio", ""), ("oai-datacite", "/oai2d")])
def test_changes_and_deletions_arrive(
    kind: str, path: str, repository: Repository, invenio_url: str, tmp_path: Path
) -> None:
    asterism = Program(tmp_path, f'[[sources]]\nname = "repository"\nkind = "{kind}"\nurl = "{invenio_url}{path}"\n')

    def harvested() -> dict[str, str]:
        asterism("harvest")
        found = asterism.records(repository.word, source="repository")
        return {one["provenance"]["native_id"].rpartition(":")[2]: one["title"].split()[-1] for one in found}

    kept, changed, gone = (repository.publish(title) for title in ("kept", "before", "gone"))
    until(lambda: repository.titles() == {"kept", "before", "gone"}, "three records published")
    assert harvested() == {kept: "kept", changed: "before", gone: "gone"}

    repository.edit(changed, "after")
    repository.delete(gone)
    new = repository.publish("new")
    until(lambda: repository.titles() == {"kept", "after", "new"}, "one changed, one deleted, one new")
    assert harvested() == {kept: "kept", changed: "after", new: "new"}
    assert harvested() == {kept: "kept", changed: "after", new: "new"}
