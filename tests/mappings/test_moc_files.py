"""MOC files: what mocpy writes is read, what we write mocpy reads, and what is no MOC of the sky is refused."""

from __future__ import annotations

import contextlib
import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings import healpix
from mappings.moc_files import Form, read_moc, write_moc
from mappings.sky import moc_ranges

some_ranges = st.lists(
    st.tuples(st.sampled_from([0, 3, 9, 15, 29]), st.floats(0, 1, exclude_max=True), st.integers(1, 5)), max_size=20
).map(
    lambda parts: healpix.merge_ranges(
        np.array(
            [
                (
                    int(at * 12 * 4**order) << 2 * (29 - order),
                    min(int(at * 12 * 4**order) + n, 12 * 4**order) << 2 * (29 - order),
                )
                for order, at, n in parts
            ],
            dtype=np.int64,
        ).reshape(-1, 2)
    )
)


@settings(max_examples=60, deadline=None)
@given(some_ranges, st.sampled_from(["ascii", "json", "fits"]))
def test_what_is_written_is_read_again(ranges: healpix.Ints, form: Form) -> None:
    body = write_moc(ranges, form)
    assert (moc_ranges(read_moc(body)) == ranges).all()
    assert (moc_ranges(read_moc(gzip.compress(body))) == ranges).all()


@settings(max_examples=25, deadline=None)
@given(some_ranges.filter(len), st.sampled_from(["ascii", "json", "fits"]))
def test_mocpy_reads_it(ranges: healpix.Ints, form: Form) -> None:
    import tempfile

    from mocpy import MOC

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "moc"
        path.write_bytes(write_moc(ranges, form))
        read = MOC.load(str(path), form)
    assert np.array_equal(np.asarray(read.to_depth29_ranges).astype(np.int64), ranges)


@pytest.mark.parametrize("old", [True, False])
def test_reads_what_mocpy_writes(tmp_path: Path, old: bool) -> None:
    from mocpy import MOC

    made = MOC.from_str("3/5 7-9 8/600000 29/3458764513820540927")
    made.save(str(tmp_path / "a"), "fits", v1_compatible=old)
    made.save(str(tmp_path / "b"), "json")
    made.save(str(tmp_path / "c"), "ascii", fold=10)
    for name in "abc":
        ranges = moc_ranges(read_moc((tmp_path / name).read_bytes()))
        assert np.array_equal(ranges, np.asarray(made.to_depth29_ranges).astype(np.int64))


def table(ordering: str, numbers: list[int], form: str = "1K", **more: str) -> bytes:
    from io import BytesIO

    from astropy.io import fits

    kind = {"1K": ">i8", "1J": ">i4"}[form]
    made = fits.BinTableHDU.from_columns([fits.Column("UNIQ", form, array=np.array(numbers, dtype=kind))])
    made.header["ORDERING"] = ordering
    for name, value in more.items():
        made.header[name] = value
    buffer = BytesIO()
    fits.HDUList([fits.PrimaryHDU(), made]).writeto(buffer)
    return buffer.getvalue()


def test_fits_by_another_writer() -> None:
    assert moc_ranges(read_moc(table("RANGE", [0, 5, 9, 12], COORDSYS="C"))).tolist() == [[0, 5], [9, 12]]
    assert moc_ranges(read_moc(table("NUNIQ", [4, 0, 16], "1J"))).tolist() == [[0, 1 << 58]]  # 0 pads


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"\xff\xfe", "no MOC"),
        (b"the sky", "not a MOC"),
        (b"t61/1-5", "time or frequency"),
        (b"t61/1 3 s3/1-3", "time or frequency"),
        (b"2/1-3 1/48", "outside"),
        (b'{"3": [1, 2', "JSON"),
        (b'{"3": [1.5]}', "whole number"),
        (b'{"3": {"1": 2}}', "its cells"),
        (b'[{"t": {"61": [1]}, "s": {"3": [1]}}]', "space and time"),
        (json.dumps({"0": [12]}).encode(), "outside"),
        (b"\x1f\x8bnothing", "gzip"),
        (b"SIMPLE  = T", "cut short"),
        (write_moc(np.array([[0, 1 << 40]]), "fits")[:-2880], "cut short"),
        (table("NUNIQ", [3]), "no cell"),
        (table("NUNIQ", [16 << 58]), "no cell"),
        (table("RANGE", [5, 5]), "not on the sky"),
        (table("RANGE", [5]), "half a range"),
        (table("RING", [5]), "ORDERING"),
        (table("NUNIQ", [5], COORDSYS="G"), "'G'"),
        (table("RANGE", [5, 6], MOCDIM="TIME"), "of time"),
        (table("RANGE", [5, 6], MOCDIM="TIME.SPACE"), "time and space"),
        (table("NUNIQ", [5], TIMESYS="JD"), "of time"),
    ],
)
def test_what_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_moc(body)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=40) | st.binary(max_size=200).map(lambda tail: b"SIMPLE  =   T" + tail))
def test_nothing_but_a_value_error_comes_out(body: bytes) -> None:
    with contextlib.suppress(ValueError):
        read_moc(body)
