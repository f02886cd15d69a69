"""A lake in a real Rucio, of an account and RSEs of its own, and the installed program that looks after it."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import permutations
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import ROOT
from tests.harvesters.program import until

SCRIPT = ROOT / "tests" / "servers" / "rucio"
GB = 10**9
DAY = 86_400
# name, type, country, site, bytes used and free, MinFreeSpace
RSES = (
    ("CPT", "DISK", "ZA", "CPT", 100 * GB, 900 * GB, 100 * GB),
    ("PTA", "DISK", "ZA", "PTA", 20 * GB, 80 * GB, 10 * GB),
    ("FULL", "DISK", "ZA", "JNB", 995 * GB, 5 * GB, 4 * GB),  # room for a copy of 1 GB that nobody may use up
    ("SHUT", "DISK", "ZA", "DUR", 0, 900 * GB, 0),  # read only
    ("PER", "DISK", "AU", "PER", 100 * GB, 900 * GB, 0),
    ("VAULT", "TAPE", "AU", "PER", 0, 9000 * GB, 0),
)
SIZE = 2 * GB  # of a dataset: two files; so FULL has no room for one


class RealRses:
    """Six RSEs in a real Rucio, changed as root; their names end in ``tag``."""

    def __init__(self, url: str) -> None:
        self.url, self.tag = url, secrets.token_hex(4)
        self.http = httpx.Client(base_url=url, timeout=30)
        login = {"X-Rucio-Account": "root", "X-Rucio-Username": "ddmlab", "X-Rucio-Password": "secret"}
        token = self.http.get("/auth/userpass", headers=login).raise_for_status().headers["X-Rucio-Auth-Token"]
        self.http.headers["X-Rucio-Auth-Token"] = token
        for word, kind, country, site, used, free, kept in RSES:
            rse = self.rse(word)
            self("POST", f"/rses/{rse}", {"rse_type": kind, "deterministic": True})
            for key, value in {"country": country, "site": site, "lab": self.tag}.items():
                self("POST", f"/rses/{rse}/attr/{key}", {"value": value})
            self("PUT", f"/rses/{rse}/limits", {"name": "MinFreeSpace", "value": kept})
            self("PUT", f"/rses/{rse}/usage", {"source": "storage", "used": used, "free": free})
            self("POST", f"/accounts/root/limits/local/{rse}", {"bytes": 10**15})
        for a, b in permutations([one[0] for one in RSES], 2):
            far = {"distance": 8 if {a, b} & {"PER", "VAULT"} else 2}
            self("POST", f"/rses/{self.rse(a)}/distances/{self.rse(b)}", far)
        self("PUT", f"/rses/{self.rse('SHUT')}", {"availability_write": False})

    def __call__(self, method: str, path: str, body: Any = None) -> httpx.Response:
        answer = self.http.request(method, path, json=body)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        return answer

    def close(self) -> None:
        self.http.close()

    def rse(self, word: str) -> str:
        return f"{word}-{self.tag}".upper()


class RealLake:
    """A scope and an account of their own at these RSEs."""

    def __init__(self, rses: RealRses) -> None:
        self.rses, self.rse, self.tag = rses, rses.rse, rses.tag
        mark = secrets.token_hex(4)
        self.scope, self.account = f"place{mark}", f"placer{mark}"
        self("POST", f"/scopes/root/{self.scope}")
        self("POST", f"/accounts/{self.account}", {"type": "SERVICE", "email": "test@example.org"})
        identity = {"identity": "ddmlab", "authtype": "USERPASS", "email": "test@example.org", "default": False}
        self("POST", f"/accounts/{self.account}/identities", identity)

    def __call__(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return self.rses(method, path, body)

    def limit(self, word: str, size: int) -> None:
        self("POST", f"/accounts/{self.account}/limits/local/{self.rse(word)}", {"bytes": size})

    def trusted(self) -> None:
        """Without limits, and with leave to change rules."""
        self("POST", f"/accounts/{self.account}/attr/admin", {"key": "admin", "value": "True"})

    def add(self, name: str, *words: str, **metadata: Any) -> None:
        """A dataset with complete copies there, which no rule holds."""
        self("POST", f"/dids/{self.scope}/{name}", {"type": "DATASET"})
        files = [
            {"scope": self.scope, "name": f"{name}.{n}", "bytes": SIZE // 2, "adler32": "0cc737eb"} for n in range(2)
        ]
        for word in words:
            self("POST", "/replicas/", {"rse": self.rse(word), "files": files, "ignore_availability": True})
        attached = [{"scope": self.scope, "name": file["name"]} for file in files]
        self("POST", f"/dids/{self.scope}/{name}/dids", {"dids": attached})
        if metadata:
            self.describe(name, **metadata)

    def describe(self, name: str, **metadata: Any) -> None:
        self("POST", f"/dids/{self.scope}/{name}/meta", {"meta": metadata})

    def contain(self, container: str, *names: str) -> None:
        self("POST", f"/dids/{self.scope}/{container}", {"type": "CONTAINER"})
        self(
            "POST", f"/dids/{self.scope}/{container}/dids", {"dids": [{"scope": self.scope, "name": n} for n in names]}
        )

    def hold(self, name: str, word: str, account: str = "root", **more: Any) -> str:
        """A rule that holds the copy there."""
        body = {"dids": [{"scope": self.scope, "name": name}], "copies": 1, "grouping": "DATASET"}
        made = self("POST", "/rules/", body | {"rse_expression": self.rse(word), "account": account} | more)
        return str(made.json()[0])

    def arrived(self, name: str, word: str) -> None:
        """What a transfer would have brought is there."""
        files = [{"scope": self.scope, "name": f"{name}.{n}", "state": "A"} for n in range(2)]
        self("PUT", "/replicas", {"rse": self.rse(word), "files": files})

    def older(self, rule: str, seconds: float) -> None:
        """Let a rule have been made so much earlier, by way of Rucio's database."""
        program = f"""
from datetime import timedelta
from rucio.db.sqla import models
from rucio.db.sqla.session import get_session
session = get_session()()
row = session.query(models.ReplicationRule).filter_by(id={rule!r}).one()
row.created_at -= timedelta(seconds={seconds})
session.commit()
"""
        subprocess.run([SCRIPT, "run", "python", "-c", program], check=True, capture_output=True, timeout=120)

    def own(self) -> dict[str, dict[str, Any]]:
        """The rules of the account, by id."""
        answer = self.rses.http.get("/rules/", params={"account": self.account})
        rows = [json.loads(line) for line in answer.text.splitlines() if line.strip()]
        return {row["id"]: row for row in rows}

    def placed(self) -> set[tuple[str, str]]:
        """Datasets, and at which RSE a rule of the account holds them."""
        return {(row["name"], row["rse_expression"].partition("-")[0]) for row in self.own().values()}

    @property
    def source(self) -> str:
        """The source as the settings have it."""
        return f"""
            [[sources]]
            name = "lake"
            kind = "rucio"
            url = "{self.rses.url}"
            account = "{self.account}"
            auth = "userpass"
            username = "ddmlab"
            password = "secret"
            scopes = ["{self.scope}"]
        """


class Operator:
    """``asterism`` in a folder of its own, as an operator runs it."""

    def __init__(self, folder: Path, settings: str) -> None:
        self.folder = folder
        self.config = folder / "asterism.toml"
        self.configure(settings)

    def configure(self, settings: str) -> None:
        self.config.write_text(f'data = "kept"\ncontact = "test@example.org"\n{settings}')

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "asterism", "--config", str(self.config), *arguments]

    @property
    def environment(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if name not in ("ASTERISM_CONFIG", "ASTERISM_DATA")}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = self.command(*arguments)
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=self.environment)

    def __call__(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, f"{arguments} exited {done.returncode}: {done.stderr}{done.stdout}"
        return done.stdout

    def lines(self, *arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self(*arguments, "--format", "jsonl").splitlines()]

    @contextmanager
    def serving(self) -> Iterator[httpx.Client]:
        """The server of this folder, and one who asks it."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = self.command("serve", "--port", str(port))
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=self.environment) as process:
            try:
                with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
                    until(lambda: _answers(http) or process.poll() is not None, "the server starts", 60)
                    yield http
            finally:
                process.terminate()


def _answers(http: httpx.Client) -> bool:
    try:
        return http.get("/readyz").is_success
    except httpx.TransportError:
        return False


def daemons_run(url: str) -> bool:
    """Whether this Rucio is the one of tests/servers/rucio, whose daemons can be run from here."""
    state = os.environ.get("RUCIO_STATE") or Path(tempfile.gettempdir()) / "asterism-test-rucio"
    return Path(state, "gunicorn.pid").exists() and url.endswith(f":{os.environ.get('RUCIO_PORT', '18100')}")
