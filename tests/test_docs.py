"""What the documents say is in the code, and what the code offers is in the documents."""

import re
import shlex
import subprocess
from contextlib import suppress

import click
import pytest

from cacheaudit.causes.rank import CATALOGUE
from cacheaudit.cli import COMMANDS, Commands
from cacheaudit.history import hourly, planted_migration
from cacheaudit.mail_params import MailParams
from cacheaudit.metrics import MEASURES
from cacheaudit.params import PostmortemParams
from cacheaudit.prefill_params import PrefillParams
from cacheaudit.probe_params import ProbeParams
from cacheaudit.readiness_params import ReadinessParams
from cacheaudit.report.gates import NAMES
from cacheaudit.rollout_params import WeeklyParams
from cacheaudit.sources import SOURCES
from cacheaudit.sources.frame import write_usage
from tests.conftest import ROOT
from tests.test_layers import LAYERS

README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
DOCS = {p.name: p.read_text(encoding="utf-8") for p in (ROOT / "docs").glob("*.md")}
TEXTS = {"README.md": README, "CONTRIBUTING.md": CONTRIBUTING, **DOCS}
PARAMS = {
    "postmortem": PostmortemParams, "weekly": WeeklyParams, "readiness": ReadinessParams,
    "probe": ProbeParams, "prefill": PrefillParams, "mail": MailParams,
}  # fmt: skip
UNDER = ("", "cacheaudit", "bench/planted", "docs")  # where a path in a text may begin


def commands(text: str) -> list[str]:
    """Every call of the command line that *text* shows, in a block or in a line."""
    shown = re.sub(r"\\\n\s*", " ", text)
    found = re.findall(r"(?:^|`)(?:\.venv/bin/)?(cacheaudit [a-z][^`\n#>|]*)", shown, re.M)
    return sorted({" ".join(one.split()) for one in found})


CALLS = sorted({call for text in TEXTS.values() for call in commands(text)})


@pytest.mark.parametrize("kind", PARAMS)
def test_every_parameter_is_explained_in_its_file(kind):
    text = (ROOT / "params" / f"{kind}.yaml").read_text(encoding="utf-8")
    lines = dict(re.findall(r"^#? ?([a-z_]+):.*?(#.*)$", text, re.M))

    assert set(PARAMS[kind].__dataclass_fields__) - set(lines) == set()


@pytest.mark.parametrize("call", CALLS)
def test_every_command_that_is_shown_can_be_given(call):
    """Its options exist and have values; nothing is run."""
    _, name, *rest = shlex.split(call)
    command = Commands().get_command(click.Context(click.Group()), name)
    assert command is not None, name

    if rest and not any(word in ("PATH…", "…", "...") for word in rest):
        with suppress(click.MissingParameter):  # a line may show an option alone
            command.make_context(name, rest)


def test_every_metric_and_every_gate_is_in_methods():
    named = [*MEASURES, *NAMES]

    assert [name for name in named if f"`{name}`" not in DOCS["METHODS.md"]] == []


def test_every_exit_code_is_explained():
    rows = re.findall(r"^\| (\d) \|", README, re.M)

    assert rows == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "ARCHITECTURE.md"])
def test_every_file_that_is_named_exists(name):
    form = r"`([\w./-]+(?:\.(?:py|csv|yaml|yml|toml|txt)|/))`"
    named = set(re.findall(form, TEXTS[name]))

    assert len(named) > 10
    assert [one for one in named if not any((ROOT / u / one).exists() for u in UNDER)] == []


def test_every_cause_is_in_methods():
    assert [h.id for h in CATALOGUE if f"`{h.id}`" not in DOCS["METHODS.md"]] == []


def test_every_source_is_in_sources():
    assert [s for s in SOURCES if f"`{s}`" not in DOCS["SOURCES.md"]] == []


def test_every_command_is_in_the_readme():
    assert [c for c in COMMANDS if f"cacheaudit {c}" not in README] == []


def test_every_make_target_that_the_readme_names_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))

    assert set(re.findall(r"`make ([a-z-]+)`", README)) <= targets


def test_the_table_of_rooms_is_the_layer_test_s():
    rows = re.findall(r"^\| *(\d*) *\| `([a-z_/]+)` \|", DOCS["ARCHITECTURE.md"], re.M)
    table: list[list[str]] = []
    for number, name in rows:
        if number:
            table.append([])
        table[-1].append(name.rstrip("/"))

    assert [sorted(layer) for layer in table] == [sorted(layer) for layer in LAYERS]


def test_links_inside_the_repository_resolve():
    for name, text in TEXTS.items():
        base = ROOT / "docs" if name in DOCS else ROOT
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
