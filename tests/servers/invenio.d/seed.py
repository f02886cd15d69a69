"""Make an empty InvenioRDM one that the tests can use: tables, indices, three records, and a user with a token.

Run by ``tests/servers/invenio`` in InvenioRDM's own environment; the token goes into the file named as argument.
"""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from invenio_access.models import ActionUsers
from invenio_access.permissions import system_identity
from invenio_accounts.proxies import current_datastore
from invenio_administration.permissions import administration_access_action
from invenio_app.cli import cli
from invenio_app.factory import create_api
from invenio_db import db
from invenio_oauth2server.models import Token
from invenio_rdm_records.proxies import current_rdm_records_service as records
from invenio_records_resources.proxies import current_service_registry
from invenio_search import current_search_client
from invenio_vocabularies.proxies import current_service as vocabularies
from opensearchpy.exceptions import OpenSearchException

SEARCH_PATIENCE = 120  # seconds; a node starts in 20 to 40 on two busy cores


def wait_for_search() -> None:
    """Return once the search engine answers, which starts while the tables are made."""
    for _ in range(SEARCH_PATIENCE):
        try:
            current_search_client.cluster.health(wait_for_status="yellow")
            return
        except OpenSearchException:
            time.sleep(1)
    sys.exit("OpenSearch did not answer")


def vocabulary(name: str, prefix: str, *entries: dict) -> None:
    """Create a vocabulary; an empty one too, as records are looked up in it."""
    vocabularies.create_type(system_identity, name, prefix)
    for entry in entries:
        vocabularies.create(system_identity, {"type": name, **entry})


def resource_type(name: str, datacite: str) -> dict:
    """One kind of record that can be deposited."""
    props = {
        "csl": name,
        "datacite_general": datacite,
        "datacite_type": "",
        "eurepo": "info:eu-repo/semantics/other",
        "marc21_subtype": "",
        "marc21_type": name,
        "openaire_resourceType": "21",
        "openaire_type": name,
        "schema.org": f"https://schema.org/{datacite}",
        "subtype": "",
        "type": name,
    }
    return {
        "id": name,
        "title": {"en": name.title()},
        "icon": "file",
        "tags": ["depositable", "linkable"],
        "props": props,
    }


def publish(number: int) -> None:
    """One public record without files."""
    person = {"type": "personal", "given_name": "Zoë", "family_name": "Müller"}
    metadata = {
        "title": f"Toy record {number}",
        "resource_type": {"id": "dataset"},
        "creators": [{"person_or_org": person}],
        "publication_date": f"2024-0{number}-01",
        "publisher": "Asterism's tests",
        "description": "<p>Made for a test.</p>",
    }
    access = {"record": "public", "files": "public"}
    draft = records.create(system_identity, {"metadata": metadata, "files": {"enabled": False}, "access": access})
    records.publish(system_identity, draft.id)


def token() -> str:
    """A personal token of a user who may also delete what is published."""
    now = datetime.now(UTC).replace(tzinfo=None)
    user = current_datastore.create_user(email="tests@example.org", active=True, confirmed_at=now)
    db.session.flush()
    db.session.add(ActionUsers.allow(administration_access_action, user_id=user.id))
    made = Token.create_personal("tests", user.id, scopes=["user:email"])
    db.session.commit()
    return made.access_token


def main(files: str, token_file: str) -> None:
    """Seed, on an empty database and an empty search engine."""
    app = create_api()
    runner = app.test_cli_runner()
    runner.invoke(cli, ["db", "create"], catch_exceptions=False)
    runner.invoke(cli, ["files", "location", "create", "--default", "default", files], catch_exceptions=False)
    with app.app_context():
        wait_for_search()
    runner.invoke(cli, ["index", "destroy", "--force", "--yes-i-know"], catch_exceptions=False)
    runner.invoke(cli, ["index", "init"], catch_exceptions=False)
    with app.app_context():
        vocabulary("licenses", "lic")
        vocabulary("languages", "lng")
        vocabulary("resourcetypes", "rsrct", resource_type("dataset", "Dataset"), resource_type("software", "Software"))
        current_service_registry.get("vocabularies").record_cls.index.refresh()
        for number in (1, 2, 3):
            publish(number)
        Path(token_file).write_text(token() + "\n")


main(*sys.argv[1:])
