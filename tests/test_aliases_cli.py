"""`cacheaudit aliases` over repositories made here: every kind of file, and what is quiet."""

import json
import os
import re
import subprocess
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cacheaudit.aliases.audit import audit
from cacheaudit.aliases.tree import MOST_BYTES, Named, files_of, texts_of
from cacheaudit.errors import SourceError
from cacheaudit.schema import check_usage
from cacheaudit.sources.frame import write_usage
from tests.conftest import ROOT

TODAY = datetime.now(UTC).date()
MOVES, PINNED, GONE = "claude-haiku-4-5", "claude-opus-5", "claude-2.1"
CELLS = [
    {"cell_type": "markdown", "source": ["We use gpt-4 here.\n"], "metadata": {}},
    {"cell_type": "code", "source": ["import x\n", 'ask(model="claude-haiku-4-5")\n'],
     "metadata": {}, "outputs": [{"output_type": "stream", "text": ["I am claude-2.1\n"]}]},
]  # fmt: skip
CORPUS = {  # file: (text, (line, column) of MOVES in it, or None)
    "app/chat.py": ('def ask():\n    return call(model="X")\n', (2, 24)),
    "app/page.tsx": ("export const M = {\n  model: 'X', // fast\n}\n", (2, 11)),
    "app/main.js": ("const a = 1;\nrun(`X`);\n", (2, 6)),
    "svc/main.go": ('package main\n\nvar m = "X"\n', (3, 10)),
    "svc/App.java": ('class A {\n  String m = "X";\n}\n', (2, 15)),
    "svc/app.rb": ("MODEL = 'X'\n", (1, 10)),
    "svc/lib.rs": ('const M: &str = "X";\n', (1, 18)),
    "bin/run.sh": ("#!/bin/sh\nexport MODEL=${MODEL:-X}\n", (2, 23)),
    "deploy/values.yaml": ("llm:\n  model: X\n", (2, 10)),
    "deploy/compose.yml": ("environment:\n  - MODEL=X\n", (2, 11)),
    "config.json": ('{\n  "model": "X"\n}\n', (2, 13)),
    "pyproject.toml": ('[tool.agent]\nmodel = "X"\n', (2, 10)),
    ".env.example": ("# keys\nMODEL=X\n", (2, 7)),
    "Dockerfile": ("FROM python:3.12\nENV MODEL=X\n", (2, 11)),
    "infra/main.tf": ('variable "m" {\n  default = "X"\n}\n', (2, 14)),
    "page.ipynb": (json.dumps({"cells": CELLS, "nbformat": 4, "metadata": {}}), (2, 12)),
    # quiet
    "README.md": ("Built with X.\n", None),
    "notes.txt": ("X\n", None),
    "data.csv": ("model\nX\n", None),
    "app/prices.py": ('P = {"X": 1.0}\n', None),
    "app/old.py": ("# X was slow\n", None),
    "tests/test_chat.py": ('assert ask("X")\n', None),
    "web/chat.spec.ts": ('expect("X")\n', None),
    "app/kept.py": ('M = "X"  # cacheaudit: allow\n', None),
    "node_modules/y/index.js": ('m("X")\n', None),
    "secret/.env": ("MODEL=X\n", None),
}


def planted(folder: Path, git: bool = True) -> Path:
    for name, (text, _) in CORPUS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("X", MOVES), encoding="utf-8")
    (folder / ".gitignore").write_text("node_modules/\nsecret/\n")
    (folder / "app" / "icon.py").write_bytes(b"\x89PNG\0\0" + MOVES.encode())
    if git:
        run_git(folder, "init", "-q")
    return folder


def run_git(folder: Path, *words: str) -> None:
    """Fails, and does not skip, where git is absent. No GIT_DIR of ours may lead it elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    clean = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *words], cwd=folder, env=kept | clean, check=True)


def told(done):
    return json.loads(done.stdout)


def test_every_kind_of_file_is_read_and_the_quiet_ones_are_quiet(tmp_path):
    found = audit([planted(tmp_path)], TODAY)

    places = {one.file: (one.place.line, one.place.column) for one in found.counted}
    assert places == {name: at for name, (_, at) in CORPUS.items() if at is not None}
    assert {one.standing.name for one in found.counted} == {MOVES}
    assert found.unread == ("app/icon.py",)


def test_a_folder_above_what_was_given_makes_nothing_a_test(tmp_path, monkeypatch):
    """It is where somebody keeps their checkouts; below what was given it is the project's own."""
    project = tmp_path / "test" / "myapp"
    for name in ("chat.py", "tests/chat.py"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(f'ask(model="{MOVES}")\n')
    (tmp_path / "elsewhere").mkdir()

    def counted(here: Path, *paths: str) -> list[str]:
        monkeypatch.chdir(here)
        return [one.file for one in audit([Path(path) for path in paths], TODAY).counted]

    assert counted(tmp_path / "elsewhere", "../test/myapp") == ["../test/myapp/chat.py"]
    assert counted(tmp_path, "test/myapp") == ["test/myapp/chat.py"]
    assert counted(tmp_path / "elsewhere", "../test/myapp/chat.py") == ["../test/myapp/chat.py"]
    assert counted(project, "chat.py", "tests/chat.py") == ["chat.py"]  # as a hook gives them
    assert counted(project, str(project / "tests" / "chat.py")) == []


def test_a_notebook_is_told_by_cell_and_its_outputs_are_not_read(tmp_path):
    found = audit([planted(tmp_path) / "page.ipynb"], TODAY).found

    assert [(f.place.cell, f.place.name, f.place.where) for f in found] == [
        (1, "gpt-4", "prose"),
        (2, MOVES, "code"),
    ]


def test_without_git_what_others_wrote_is_left_out_by_name(tmp_path):
    """git says what is ignored; without it, an ignored folder with an ordinary name is read."""
    quiet = {"node_modules/y/index.js", "README.md", "notes.txt", "data.csv"}
    files = {one.shown for one in files_of([planted(tmp_path, git=False)])}

    assert files & quiet == set()
    assert "secret/.env" in files


def test_a_hook_s_git_dir_does_not_choose_the_repository(tmp_path, monkeypatch):
    here, other = tmp_path / "here", tmp_path / "other"
    planted(here)
    other.mkdir()
    run_git(other, "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    (here / ".gitignore").write_text("svc/made.go\n")
    (here / "svc" / "made.go").write_text("package made\n")
    files = {one.shown for one in files_of([here / "svc"])}

    assert "main.go" in files
    assert "made.go" not in files


def test_a_folder_that_git_ignores_is_read_when_it_is_named(tmp_path):
    assert [one.shown for one in files_of([planted(tmp_path) / "secret"])] == [".env"]


def test_exit_codes(tmp_path, command):
    planted(tmp_path)
    (tmp_path / "good.py").write_text(f'M = "{PINNED}"\n')

    assert command("aliases", "good.py", cwd=tmp_path).returncode == 0
    assert command("aliases", ".", cwd=tmp_path).returncode == 3
    assert command("aliases", "absent", cwd=tmp_path).returncode == 1
    assert command("aliases", cwd=tmp_path).returncode == 2
    assert command("aliases", ".", "--fail-on", "moved", cwd=tmp_path).returncode == 2
    assert command("aliases", ".", "--within", "soon", cwd=tmp_path).returncode == 2


def test_the_message_for_a_path_that_is_not_there(tmp_path, command):
    assert command("aliases", "absent", cwd=tmp_path).stderr == (
        "cacheaudit: nothing at absent; expected a file or a folder. Check the path.\n"
    )


def test_what_counts_is_chosen(tmp_path, command):
    (tmp_path / "a.py").write_text(f'A = "{MOVES}"\nB = "gpt-6-luna"\nC = "azure/gpt-4o"\n')
    (tmp_path / "b.py").write_text(f"# {MOVES}\n")

    def code(*words):
        return command("aliases", *words, cwd=tmp_path).returncode

    assert code("a.py", "--fail-on", "retired") == 0
    assert code("a.py", "--fail-on", "undated") == 3
    assert code("a.py", "--fail-on", "gateway,retired") == 3
    assert code("a.py", "--fail-on", "none") == 0
    assert code("b.py") == 0
    assert code("b.py", "--everywhere") == 3
    assert code(".", "--exclude", "a.py") == 0


@pytest.mark.parametrize("glob", ["app", "app/", "app/*", "*/chat.py", "chat.py", "a*"])
def test_globs_leave_paths_out(tmp_path, glob):
    planted(tmp_path)

    assert "app/chat.py" not in {one.shown for one in files_of([tmp_path], [glob])}
    assert "svc/main.go" in {one.shown for one in files_of([tmp_path], [glob])}


def test_a_line_for_a_place_a_paragraph_for_a_name_and_a_sum(tmp_path, command):
    (tmp_path / "a.py").write_text(f'A = "{GONE}"\nB = "{PINNED}"  # {MOVES}\n')
    done = command("aliases", "a.py", cwd=tmp_path)

    assert done.stdout == (
        "a.py:1:6  claude-2.1  retired 2025-07-21\n\n"
        "claude-2.1: a snapshot; retired on 2025-07-21. Read at https://github.com/anthropics/"
        "anthropic-sdk-python/blob/main/src/anthropic/resources/messages/messages.py"
        " (sdk, 2026-11-23).\n\n"
        "1 place of 3 count; 3 names in 1 file that were read."
        " Not counted: 1 in comments, 1 pinned.\n"
    )
    assert "a.py:2:6  claude-opus-5  pinned" in " ".join(
        command("aliases", "a.py", "--all", cwd=tmp_path).stdout.split()
    ).replace(" claude", "  claude").replace(" pinned", "  pinned")


def test_json_holds_places_names_and_the_day(tmp_path, command):
    (tmp_path / "a.py").write_text(f'A = "{GONE}"\n')
    found = told(command("aliases", "a.py", "--json", cwd=tmp_path))

    assert found["schema"] == 1
    assert found["day"] in {TODAY.isoformat(), datetime.now(UTC).date().isoformat()}  # midnight
    assert found["places"] == [
        {"file": "a.py", "cell": None, "line": 1, "column": 6, "name": GONE, "where": "code",
         "kinds": ["retired"], "counts": True}
    ]  # fmt: skip
    assert found["names"][0]["retires_on"] == "2025-07-21"


def test_within_reads_the_clock(tmp_path, command):
    """gpt-5.1-2025-11-13 ends on 2027-04-01; so many days from today, and one fewer."""
    (tmp_path / "a.py").write_text('A = "gpt-5.1-2025-11-13"\n')
    left = (datetime(2027, 4, 1, tzinfo=UTC).date() - TODAY).days
    if left <= 1:
        left = 0  # retired by now, which no window excuses
    codes = {
        n: command("aliases", "a.py", "--within", f"{n}d", cwd=tmp_path).returncode
        for n in (left, max(left - 2, 0))
    }

    assert codes[left] == 3
    assert codes[max(left - 2, 0)] == (3 if left == 0 else 0)


def test_control_characters_of_a_file_s_name_do_not_reach_the_terminal(tmp_path, command):
    (tmp_path / "a\x07\x1b]0;b.py").write_text(f'A = "{GONE}"\n')

    told = command("aliases", ".", cwd=tmp_path).stdout

    assert "\ufffd]0;b.py:1:6" in told
    assert not {"\x07", "\x1b"} & set(told)


def test_a_machine_s_path_is_not_told(tmp_path, command):
    planted(tmp_path)
    done = command("aliases", str(tmp_path), "--json", cwd=tmp_path.parent)

    assert str(tmp_path) not in done.stdout


def test_links_large_files_and_other_encodings(tmp_path):
    (tmp_path / "wide.py").write_text(f'A = "{MOVES}"\n', encoding="utf-16")
    (tmp_path / "marked.py").write_text(f'A = "{MOVES}"\n', encoding="utf-8-sig")
    (tmp_path / "latin.py").write_bytes(b'A = "\xe9\xe9", "' + MOVES.encode() + b'"\n')
    (tmp_path / "large.py").write_bytes(b" " * MOST_BYTES + MOVES.encode())
    (tmp_path / "cut.ipynb").write_text('{"cells": [{"source": "gpt-4o')
    (tmp_path / "link.py").symlink_to(tmp_path / "marked.py")
    found = audit([tmp_path], TODAY)

    assert [(f.file, f.place.line, f.place.column) for f in found.found] == [
        ("latin.py", 1, 12), ("marked.py", 1, 6), ("wide.py", 1, 6),
    ]  # fmt: skip
    assert found.unread == ("cut.ipynb", "large.py")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.sampled_from(["a.py", "a.ipynb", "a.yaml", "a.bin"]))
def test_any_bytes_in_any_file_are_read_or_told(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    texts = texts_of(Named(path=path, shown=name, inside=name))

    assert texts is None or isinstance(texts, list)


def test_the_hook_runs_the_command_on_the_files_it_reads(tmp_path, command):
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    (tmp_path / "a.py").write_text(f'A = "{MOVES}"\n')
    program, *words = hook["entry"].split()

    assert program == "cacheaudit"
    assert command(*words, *hook.get("args", []), "a.py", cwd=tmp_path).returncode == 3


def test_the_hook_is_given_every_kind_of_file():
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    files = re.compile(hook["files"])

    assert [n for n, (_, at) in CORPUS.items() if at is not None and not files.search(n)] == []
    assert [n for n in ("README.md", "data.csv", "notes.txt") if files.search(n)] == []


def test_what_this_package_asks_for_itself_is_pinned_or_said():
    """The planted history keeps the names of its story; all else that counts would be a fault."""
    known = {("history.py", "claude-sonnet-4-5-20250929"), ("probing/candidate.py", "gpt-5.6")}
    found = audit([ROOT / "cacheaudit"], date(2026, 11, 23)).counted

    assert {(one.file, one.place.name) for one in found} <= known


def usage(rows):
    frame = pd.DataFrame(rows, columns=["day", "asked", "model"])
    start = pd.to_datetime(frame["day"], utc=True)
    return check_usage(
        frame.assign(
            bucket_start=start, bucket_end=start + timedelta(days=1), provider="openai",
            model_requested=frame["asked"], requests=5, uncached_input_tokens=10,
        ).drop(columns=["day", "asked"])
    )  # fmt: skip


def test_usage_shows_a_move_and_counts_it(tmp_path, command):
    moved = usage([
        ("2026-03-01", "gpt-5.4", "gpt-5.4-2026-01-01"),
        ("2026-03-02", "gpt-5.4", "gpt-5.4-2026-03-05"),
    ])  # fmt: skip
    write_usage(moved, tmp_path / "usage.parquet")
    done = command("aliases", "--usage", "usage.parquet", cwd=tmp_path)

    assert done.returncode == 3
    assert done.stdout == (
        "gpt-5.4 (openai): gpt-5.4-2026-01-01 until 2026-03-01 00:00 UTC,"
        " gpt-5.4-2026-03-05 since 2026-03-02 00:00 UTC.\n"
    )
    words = ["aliases", "--usage", "usage.parquet", "--fail-on", "retired"]
    assert command(*words, cwd=tmp_path).returncode == 0


def test_usage_that_does_not_say_what_was_asked_for_cannot_be_judged(tmp_path, command):
    write_usage(usage([("2026-03-01", None, "gpt-5.4-2026-03-05")]), tmp_path / "usage.parquet")
    done = command("aliases", "--usage", "usage.parquet", cwd=tmp_path)

    assert done.returncode == 4
    assert "model_requested" in done.stderr


def test_a_request_log_shows_a_move(tmp_path, command):
    log = pd.DataFrame({
        "ts": pd.to_datetime(["2026-03-01T10:00Z", "2026-03-01T10:30Z"]),
        "provider": "azure", "model": ["gpt-5.4-2026-03-05", "gpt-5.5-2026-04-23"],
        "model_requested": "chat-prod", "prompt_tokens": 5,
    })  # fmt: skip
    log.to_parquet(tmp_path / "log.parquet")
    done = command("aliases", "--requests", "log.parquet", "--json", cwd=tmp_path)

    (one,) = told(done)["answered_by"]
    assert done.returncode == 3
    assert one["moves"][0] | {"since": ""} == {
        "before": "gpt-5.4-2026-03-05", "after": "gpt-5.5-2026-04-23",
        "since": "", "until": "2026-03-01T10:00:00+00:00",
    }  # fmt: skip


def test_a_missing_path_is_an_error_of_the_library(tmp_path):
    with pytest.raises(SourceError, match="expected a file or a folder"):
        files_of([tmp_path / "absent"])
