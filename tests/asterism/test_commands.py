"""The other commands, end to end against a temporary data folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from asterism import settings
from asterism.cli import cli
from asterism.factory import Factory
from tests.asterism.conftest import CRAB, VELA, Registry, Run


def table(text: str) -> dict[str, dict[str, str]]:
    """The printed table by its rows' first cells."""
    header, *rows = [line.split() for line in text.splitlines() if line.strip()]
    return {row[0]: dict(zip(header, row, strict=False)) for row in rows}


def source(name: str, url: str) -> str:
    return f'[[sources]]\nname = "{name}"\nkind = "vo-oai"\nurl = "{url}"\n'


def test_init_makes_everything_and_harms_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = CliRunner().invoke(cli, ["init"])
    assert first.exit_code == 0, first.output
    assert settings.load().data == tmp_path / "asterism-data"
    assert CliRunner().invoke(cli, ["import", "-"], input=json.dumps(CRAB)).exit_code == 0
    (tmp_path / "asterism.toml").write_text("# mine\n")
    second = CliRunner().invoke(cli, ["init"])
    assert second.exit_code == 0, second.output
    assert (tmp_path / "asterism.toml").read_text() == "# mine\n"
    assert "1 of 1" in CliRunner().invoke(cli, ["search"]).stdout


def test_without_init_a_search_says_what_to_do(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("search")
    assert result.exit_code == 1
    assert "asterism init" in result.stderr
    assert "[store.not-initialised]" in result.stderr
    monkeypatch.chdir(tmp_path / "..")
    result = CliRunner().invoke(cli, ["search"])
    assert result.exit_code == 1
    assert "[settings.no-file]" in result.stderr


def test_import_counts_and_updates(run: Run) -> None:
    lines = json.dumps(CRAB) + "\n" + json.dumps(VELA) + '\n{"kind": "dataset"}\nnot json\n'
    first = run("import", "-", text=lines)
    assert first.exit_code == 0, first.output
    counts = table(first.stdout)["4"]
    assert (counts["new"], counts["changed"], counts["quarantined"]) == ("2", "0", "2")
    assert "asterism doctor" in first.stderr
    again = table(run("import", "-", text=json.dumps({**CRAB, "title": "Crab Nebula"})).stdout)["1"]
    assert (again["new"], again["changed"]) == ("0", "1")
    assert "Crab Nebula" in run("search", "nebula").stdout


def test_import_of_a_file_that_is_not_there(run: Run) -> None:
    assert run("import", "nowhere.jsonl").exit_code == 2


def test_export_is_what_import_takes(filled: Run, tmp_path: Path) -> None:
    out = filled("export").stdout_bytes
    assert len(out.splitlines()) == 3
    other = tmp_path / "other.toml"
    other.write_text('data = "other"\n')
    runner = CliRunner()
    assert runner.invoke(cli, ["--config", str(other), "import", "-"], input=out).exit_code == 0
    assert runner.invoke(cli, ["--config", str(other), "export"]).stdout_bytes == out
    assert filled("export", "--source", "nobody").stdout == ""


def test_reindex_after_the_index_is_lost(filled: Run, config: Path) -> None:
    import shutil

    shutil.rmtree(settings.load(config).index)
    assert filled("doctor").exit_code == 1
    assert filled("reindex").exit_code == 0
    assert "2 of 2" in filled("search").stdout
    assert filled("doctor").exit_code == 0


def test_doctor_finds_a_lagging_index_and_init_mends_it(filled: Run, config: Path) -> None:
    from catalog.documents import Put

    with Factory(settings.load(config)) as factory:
        named = {"identifiers": [{"scheme": "doi", "value": "10.5072/late"}]}
        factory.store.save("late", [Put("doi:10.5072/late", {**CRAB, **named, "id": "0" * 16, "source": "late"})])
    sick = filled("doctor")
    assert sick.exit_code == 1
    assert "1 changes of the store are not in it yet" in sick.stdout
    assert filled("init").exit_code == 0
    assert filled("doctor").exit_code == 0


def test_doctor_shows_what_is_taken_to_be_one_thing(filled: Run) -> None:
    lines = [{**CRAB, "provenance": {"native_id": str(n)}} for n in range(20)]
    filled("import", "--source", "twice", "-", text="\n".join(map(json.dumps, lines)))
    found = filled("doctor")
    assert found.exit_code == 0 and "1 things that several records describe" in found.stdout
    lines = [{**CRAB, "provenance": {"native_id": "one more"}}]
    filled("import", "--source", "twice", "-", text="\n".join(map(json.dumps, lines)))
    found = filled("doctor")
    assert found.exit_code == 1 and "identity.many-parts" in found.stdout


def test_doctor_says_what_is_wrong_with_the_settings(run: Run, config: Path) -> None:
    config.write_text('dta = "x"')
    result = run("doctor")
    assert result.exit_code == 1
    assert "did you mean 'data'" in result.stdout


def test_tokens(filled: Run, config: Path) -> None:
    secret = filled("token", "create", "robot").stdout.strip()
    with Factory(settings.load(config)) as factory:
        assert factory.catalogue.check_token(secret) is not None
        assert factory.catalogue.check_token(secret + "x") is None
        assert "robot" in filled("token", "list").stdout
        assert secret not in filled("token", "list").stdout
        assert filled("token", "create", "robot").exit_code == 1
        assert filled("token", "revoke", "robot").exit_code == 0
        assert factory.catalogue.check_token(secret) is None
    assert filled("token", "revoke", "robot").exit_code == 1


def test_harvest_searches_and_remaps(run: Run, config: Path, registry: Registry) -> None:
    config.write_text(source("reg", registry.url))
    result = run("harvest")
    assert result.exit_code == 0, result.output
    row = table(result.stdout)["reg"]
    assert (row["fetched"], row["new"], row["changed"], row["deleted"], row["quarantined"]) == ("4", "4", "0", "0", "0")
    assert float(row["seconds"]) >= 0
    assert "4 of 4" in run("search", "--source", "reg").stdout
    assert table(run("harvest", "reg").stdout)["reg"]["new"] == "0"
    full = table(run("harvest", "--full").stdout)["reg"]
    assert (full["fetched"], full["new"], full["changed"]) == ("4", "0", "0")
    assert table(run("remap").stdout)["0"]["changed"] == "0"
    assert table(run("remap", "--all", "reg").stdout)["4"]["unchanged"] == "4"
    assert run("remap", "rag").exit_code == 2
    listed = table(run("sources").stdout)["reg"]
    assert (listed["kind"], listed["records"]) == ("vo-oai", "4")


def test_a_failing_source_does_not_stop_the_others(run: Run, config: Path, registry: Registry) -> None:
    lake = (
        '[[sources]]\nname = "lake"\nkind = "rucio"\nurl = "http://u:hunter2@127.0.0.1:9"\naccount = "a"\n'
        'auth = "userpass"\nusername = "u"\npassword = "${ASTERISM_NO_SUCH_VARIABLE}"\n'
    )
    config.write_text(lake + source("reg", registry.url))
    result = run("harvest")
    assert result.exit_code == 1
    assert "ASTERISM_NO_SUCH_VARIABLE" in result.stderr
    assert "[settings.unset-variable]" in result.stderr
    rows = table(result.stdout)
    assert rows["lake"]["outcome"] == "failed"
    assert (rows["reg"]["outcome"], rows["reg"]["new"]) == ("ok", "4")
    assert "4 of 4" in run("search").stdout
    shown = run("sources").stdout + run("doctor").stdout
    assert "hunter2" not in shown
    assert "127.0.0.1:9" in shown


def test_an_unknown_source_is_a_misuse(run: Run, config: Path) -> None:
    config.write_text(source("registry", "http://127.0.0.1:9/"))
    result = run("harvest", "regstry")
    assert result.exit_code == 2
    assert "did you mean 'registry'" in result.stderr
