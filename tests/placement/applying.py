"""What both tests of apply need: hints, and a program that applies them and can be killed."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from catalog.store import Store
from harvesters.http import PoliteClient
from harvesters.rucio_session import RucioSession
from placement.apply import Applier
from placement.rucio_rules import Rules
from placement.settings import LakeSettings
from schemas.hint import Hint

DAY = 86_400


def hint(id: str, scope: str, name: str, action: str, rses: Sequence[str], **more: Any) -> Hint:
    """A hint of this moment, for 30 days unless it says otherwise."""
    now = datetime.now(UTC)
    document: dict[str, Any] = {
        "id": id,
        "did": {"scope": scope, "name": name},
        "record": f"lake-{name}",
        "action": action,
        "rse_expression": "|".join(rses),
        "to": [] if action == "release" else list(rses),
        "from": list(rses) if action == "release" else [],
        "copies": len(rses),
        "bytes": 500 * len(rses),
        "score": 1.0,
        "confidence": 0.5,
        "policy": "keep",
        "reasons": [{"code": "policy", "text": "because"}],
        "lifetime": 30 * DAY,
        "activity": None,
        "priority": 3,
        "rules": [],
        "created_at": now.isoformat(),
        "expires_at": (now + timedelta(days=2)).isoformat(),
    }
    return Hint.read(document | more)


def session(client: PoliteClient, login: dict[str, str]) -> RucioSession:
    """Requests as the account of ``login``, which is written as a rucio source is."""
    own = {key: value for key, value in login.items() if key not in ("url", "account", "auth")}
    return RucioSession(client, login["url"], account=login["account"], auth=login["auth"], **own)  # type: ignore[arg-type]


def main(file: Path) -> None:
    """Apply the hints of a file: what a test starts to kill it."""
    asked = json.loads(file.read_text())
    with Store.open(asked["store"]) as store, PoliteClient(contact="test@example.org") as client:
        rules = Rules(session(client, asked["login"]))
        hints = [Hint.read(one) for one in asked["hints"]]
        Applier(store, rules, LakeSettings("lake"), lambda: hints, Path(asked["stop"])).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
