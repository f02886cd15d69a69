"""Hints in the store: a page that the database cuts is a page of all hints in their order."""

from collections.abc import Collection
from pathlib import Path

import pytest

from catalog.store import Store
from placement import kept
from schemas.hint import ACTIONS, Hint


def hint(n: int) -> Hint:
    """One of many kinds; some are equal but for their id."""
    return Hint(
        id=f"{n * 7919 % 1000:016d}",
        scope="s",
        name=f"ds/{n}",
        record="hidden" if n % 11 == 0 else f"r{n % 17}",
        action=ACTIONS[n % 4],
        rse_expression="A",
        to=("A",),
        from_rses=("B",),
        copies=1,
        bytes=10**12,
        score=n % 5 / 3,
        confidence=0.5,
        policy=(None, "gc", "m31")[n % 3],
        reasons=(),
        created_at="2026-01-01T00:00:00Z",
        expires_at="2026-01-08T00:00:00Z",
        priority=1 + n % 2 * 3,
    )


def test_a_page_is_cut_from_what_all_may_see_in_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hidden(store: Store, ids: Collection[str]) -> set[str]:
        return {"hidden"} & set(ids)

    monkeypatch.setattr(kept, "hidden_records", hidden)
    with Store.create_or_upgrade(f"sqlite:///{tmp_path / 'asterism.db'}") as store:
        kept.replace_hints(store, [hint(n) for n in range(200)])
        every = kept.kept_hints(store, shown=True)
        assert len(every) == 200 - 19
        assert kept.page(store, limit=1000) == (len(every), every)
        assert kept.page(store, limit=0) == (len(every), [])
        assert kept.page(store, limit=20, offset=170) == (len(every), every[170:])
        some = [one for one in every if one.action in ("stage", "release") and one.policy == "gc"]
        assert some and kept.page(store, ["stage", "release"], "gc", 7, 3) == (len(some), some[3:10])
        assert kept.page(store, policy="none") == (0, [])
