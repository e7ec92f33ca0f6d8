"""What the documents say is in the code, and what the code offers is in the documents."""

import re
import subprocess

import pytest

from cacheaudit.causes.rank import CATALOGUE
from cacheaudit.cli import COMMANDS
from cacheaudit.history import hourly, planted_migration
from cacheaudit.params import PostmortemParams
from cacheaudit.sources import SOURCES
from cacheaudit.sources.frame import write_usage
from tests.conftest import ROOT
from tests.test_layers import LAYERS

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = {p.name: p.read_text(encoding="utf-8") for p in (ROOT / "docs").glob("*.md")}


def test_every_parameter_is_explained_in_the_parameter_file():
    text = (ROOT / "params" / "postmortem.yaml").read_text(encoding="utf-8")
    lines = dict(re.findall(r"^([a-z_]+):.*?(#.*)$", text, re.M))
    missing = set(PostmortemParams.__dataclass_fields__) - set(lines) - {"end"}

    assert missing == set()


def test_every_cause_is_in_methods():
    assert [h.id for h in CATALOGUE if f"`{h.id}`" not in DOCS["METHODS.md"]] == []


def test_every_source_is_in_sources():
    assert [s for s in SOURCES if f"`{s}`" not in DOCS["SOURCES.md"]] == []


def test_every_command_is_in_the_readme():
    assert [c for c in COMMANDS if f"cacheaudit {c}" not in README] == []


def test_every_make_target_that_the_readme_names_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))

    assert set(re.findall(r"`make ([a-z]+)`", README)) <= targets


def test_the_table_of_rooms_is_the_layer_test_s():
    rows = re.findall(r"^\| *(\d*) *\| `([a-z_/]+)` \|", DOCS["ARCHITECTURE.md"], re.M)
    table: list[list[str]] = []
    for number, name in rows:
        if number:
            table.append([])
        table[-1].append(name.rstrip("/"))

    assert [sorted(layer) for layer in table] == [sorted(layer) for layer in LAYERS]


def test_links_inside_the_repository_resolve():
    for name, text in {"README.md": README, **DOCS}.items():
        base = ROOT if name == "README.md" else ROOT / "docs"
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (base / link).exists(), f"{name}: {link}"


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    (block,) = re.findall(r"```python\n(.*?)```", README, re.S)
    write_usage(hourly(planted_migration()), tmp_path / "usage.parquet")
    monkeypatch.chdir(tmp_path)

    exec(block, {})

    assert "identified ('model.below_minimum',)" in capsys.readouterr().out


def test_the_readme_quotes_the_demo(tmp_path):
    """The quoted summary is what the demo says; typed numbers go stale."""
    quoted = " ".join(re.findall(r"^> ?(.*)$", README, re.M)).replace("  ", "\n")
    text = (ROOT / "tests" / "golden" / "report_identified.txt").read_text(encoding="utf-8")
    spoken = " ".join(text.split("Hit rate before")[0].split())

    for sentence in quoted.split("\n"):
        words = re.sub(r"[\d.,]+", "#", " ".join(sentence.split()))
        assert words in re.sub(r"[\d.,]+", "#", spoken)


@pytest.mark.parametrize("pattern", [r"(^|[^[:alnum:]_.])/(work|farm|root|home)/", r"/simple(/|$)"])
def test_nothing_committed_names_a_machine_s_path_or_an_index(pattern):
    found = subprocess.run(
        ["git", "grep", "-nIE", pattern, "--", ".", ":!tests/test_docs.py"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip

    assert found.stdout == ""
