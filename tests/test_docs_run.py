"""Every command that the README and OPERATING show, run as it stands there, on made-up data.

What would ask a provider must stop for want of its key, and send nothing; tests/test_demo.py and
the rehearsal run those against the sandbox.
"""

import json
import re
import shlex
import shutil
import subprocess

import pytest

from cacheaudit.history import MARCH, hourly, planted_migration, planted_requests
from cacheaudit.params import PostmortemParams
from cacheaudit.run import run_postmortem
from cacheaudit.sources.frame import write_usage
from tests.conftest import ROOT
from tests.test_docs import DOCS, README, commands
from tests.test_logs_claude_code import answer

pytestmark = pytest.mark.slow
JUDGED = {0, 3, 4}  # done, a gate failed, not to be judged
LIVE = ("--source anthropic", "--execute")  # these ask a provider
SHORTER = {"calibrate": ["--plants", "10", "--drops", "0.4"]}  # as shown it takes a minute
CALLS = [
    one for one in sorted({*commands(README), *commands(DOCS["OPERATING.md"])})
    if len(one.split()) > 2 and "--mail" not in one  # a mail server is tests/test_mail.py's
]  # fmt: skip


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with what the commands name: usage, logs, a run, a repository, parameters."""
    folder = tmp_path_factory.mktemp("desk")
    usage = hourly(planted_migration())
    write_usage(usage, folder / "usage.parquet")
    usage.to_csv(folder / "usage.csv", index=False)
    days = (MARCH[0], MARCH[0] + (MARCH[1] - MARCH[0]) / 8)
    planted_requests(kept=days).to_parquet(folder / "log.parquet")
    lines = [json.dumps(answer(f"msg_{n}", second=n)) for n in range(40)]
    (folder / ".claude" / "projects").mkdir(parents=True)
    (folder / ".claude" / "projects" / "one.jsonl").write_text("\n".join(lines) + "\n")
    shutil.copytree(ROOT / "params", folder / "params")
    (folder / "node").mkdir()
    run_postmortem(PostmortemParams(), folder / "reports")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["commit", "-qm", "first", "--allow-empty"], ["tag", "v1"]):
        subprocess.run([*git, *words], cwd=folder, check=True)
    return folder


def words_of(call, desk):
    """The words of *call*, its places put where the desk has them."""
    (run,) = (desk / "reports").glob("postmortem-sample-*")
    call = call.replace("~", str(desk)).replace("/var/lib/node_exporter", str(desk / "node"))
    call = re.sub(r"reports/postmortem-\.\.\.|\bFOLDER\b", str(run), call)
    return shlex.split(call)[1:]


@pytest.mark.parametrize("call", CALLS)
def test_it_runs(call, desk, command, monkeypatch):
    for name in ("ANTHROPIC_ADMIN_KEY", "ANTHROPIC_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    before = set((desk / "reports").iterdir())
    words = words_of(call, desk)
    done = command(*words, *SHORTER.get(words[0], []), cwd=desk)
    for made in set((desk / "reports").iterdir()) - before:
        shutil.rmtree(made) if made.is_dir() else made.unlink()

    if any(part in call for part in LIVE):
        assert done.returncode == 1, done
        assert "KEY" in done.stderr or "prompts_path" in done.stderr, done
    else:
        assert done.returncode in JUDGED, done
