"""The names that other people call, and what it costs to ask for them."""

import subprocess
import sys

import click
import pytest

import cacheaudit
from cacheaudit.cli import COMMANDS, cli


def test_every_public_name_is_there():
    assert [n for n in cacheaudit.__all__ if not callable(getattr(cacheaudit, n))] == []
    assert set(cacheaudit.__all__) <= set(dir(cacheaudit))


def test_a_name_that_is_not_there_is_said_so():
    with pytest.raises(AttributeError, match="no attribute 'diagnoze'"):
        cacheaudit.diagnoze  # noqa: B018


def loaded_by(line):
    """Top-level packages that a fresh Python holds after *line*."""
    code = f"import sys; {line}; print(*{{m.split('.')[0] for m in sys.modules}})"
    return set(subprocess.check_output([sys.executable, "-c", code], text=True).split())


def test_a_short_command_pays_for_no_more_than_it_asks():
    assert not loaded_by("import cacheaudit") & {"pandas", "ibis", "anthropic", "openai"}
    assert not loaded_by("import cacheaudit.sources.frame") & {"anthropic", "openai"}
    assert not loaded_by("import cacheaudit.cli") & {"pandas", "rich", "yaml", "ibis"}
    assert "pandas" in loaded_by("from cacheaudit import check_usage")


def test_every_command_is_a_module_of_its_name():
    assert [c for c in COMMANDS if cli.get_command(click.Context(cli), c).name != c] == []
    assert cli.get_command(click.Context(cli), "given") is None
