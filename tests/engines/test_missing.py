"""A missing program: a skip that names it, and no skip where all engines are required."""

import pytest

from tests.engines.missing import REQUIRED, Missing, lacking, package, program

HINT = "no program no-such-server; install Debian's package server"


def missing_program() -> Missing:
    with pytest.raises(Missing) as found:
        program("no-such-server", install="Debian's package server")
    return found.value


def test_it_is_a_skip_that_names_the_program(monkeypatch):
    monkeypatch.delenv(REQUIRED, raising=False)

    with pytest.raises(pytest.skip.Exception, match=HINT):
        lacking(missing_program())


def test_it_is_a_failure_where_all_are_required(monkeypatch):
    monkeypatch.setenv(REQUIRED, "1")

    with pytest.raises(pytest.fail.Exception, match=HINT):
        lacking(missing_program())


def test_a_missing_package_is_named_too():
    with pytest.raises(Missing, match="no Python package no_such_driver"):
        package("no_such_driver", install="cacheaudit[driver]")


def test_the_latest_version_off_the_path_is_taken(tmp_path, monkeypatch):
    """9.6 is older than 15; what is on the PATH goes before both."""
    for version in ("9.6", "15", "path"):
        folder = tmp_path / version / "bin"
        folder.mkdir(parents=True)
        (folder / "some-server").touch(mode=0o755)
    folders = [tmp_path / version / "bin" for version in ("15", "9.6")]

    assert program("some-server", folders=folders, install="").parent == folders[0]
    monkeypatch.setenv("PATH", str(tmp_path / "path" / "bin"))
    assert program("some-server", folders=folders, install="").parent == tmp_path / "path" / "bin"
