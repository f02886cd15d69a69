"""One at a time, and what died keeps nobody waiting."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from sqlalchemy import select, update

from catalog.lease import Lease, leases
from catalog.store import Store
from catalog.tables import lease
from schemas.errors import StoreError

HOLD = """
import sys, time
from catalog.lease import Lease
from catalog.store import Store
with Lease(Store.open(sys.argv[1]), "index"):
    print("held", flush=True)
    time.sleep(60)
"""


def _rows(store: Store) -> list[str]:
    with store.database.reading() as connection:
        return [row.name for row in connection.execute(select(lease))]


def test_a_second_holder_is_told_who_has_it(store: Store) -> None:
    with Lease(store, "index"):
        with pytest.raises(StoreError) as caught, Lease(store, "index"):
            pass
        with Lease(store, "another"):
            assert sorted(_rows(store)) == ["another", "index"]
    assert caught.value.code == "store.busy" and f"process {os.getpid()} on " in caught.value.detail
    assert _rows(store) == []


def test_it_is_waited_for(store: Store) -> None:
    first = Lease(store, "index")
    first.__enter__()
    threading.Timer(0.4, lambda: first.__exit__(None, None, None)).start()
    with Lease(store, "index", wait=10):
        pass


def test_a_killed_process_keeps_nobody_waiting(store: Store, store_url: str) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, store_url], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == b"held\n"
    with pytest.raises(StoreError) as caught, Lease(store, "index"):
        pass
    assert f"process {holder.pid} on " in caught.value.detail
    assert [(name, held) for name, _, held in leases(store)] == [("index", True)]
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert [(name, held) for name, _, held in leases(store)] == [("index", False)]
    with Lease(store, "index") as mine:
        mine.check()


def test_a_process_number_used_again_is_another_process(store: Store) -> None:
    with Lease(store, "index"), store.database.writing() as connection:
        owner = connection.execute(select(lease.c.owner)).scalar_one()
        machine, pid, _, token = owner.rsplit("/", 3)
        connection.execute(update(lease).values(owner=f"{machine}/{pid}/12345/{token}"))
    with Lease(store, "index"):
        pass


def test_that_of_another_machine_is_kept_until_its_time_is_up(store: Store) -> None:
    with store.database.writing() as connection:
        owner = "elsewhere/1/1/x"
        connection.execute(lease.insert().values(name="index", owner=owner, expires_at=time.time() + 0.5))
    with pytest.raises(StoreError) as caught, Lease(store, "index"):
        pass
    assert "process 1 on elsewhere" in caught.value.detail
    with Lease(store, "index", wait=10):
        pass


def test_the_heartbeat_keeps_it(store: Store) -> None:
    with Lease(store, "index", ttl=0.4) as mine:
        time.sleep(1)
        mine.check()
        with pytest.raises(StoreError), Lease(store, "index"):
            pass


def test_whoever_lost_it_is_told(store: Store) -> None:
    with Lease(store, "index", ttl=0.4) as mine:
        with store.database.writing() as connection:
            connection.execute(update(lease).values(owner="elsewhere/1/1/x", expires_at=time.time() + 60))
        time.sleep(0.5)
        with pytest.raises(StoreError) as caught:
            mine.check()
    assert caught.value.code == "store.lease-lost"
    assert _rows(store) == ["index"]  # the new holder's is left alone
