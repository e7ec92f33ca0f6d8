"""Units that run as they are: the shell's parts are run, the others read by their own schemas."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cacheaudit.cli.schedule import RUNS
from cacheaudit.errors import ParamError, RunFailed
from cacheaudit.params import PostmortemParams
from cacheaudit.run import _only, run_postmortem
from cacheaudit.scheduling import KINDS, every, unit
from tests.conftest import ROOT

BERLIN = every("Mon 07:00", "Europe/Berlin")
WEEKLY = ("weekly", "-f", "params/weekly.yaml", "--mail", "params/mail.yaml")


def made(kind: str, when=BERLIN, words=WEEKLY, folder="/srv/cache audit") -> str:
    return unit(kind, when, words, folder=folder, year=2026)


def cron_shell(line: str) -> str:
    """What cron gives to the shell: the text behind the five fields, up to a `%` that stands
    without a backslash; `\\%` is `%`, also within quotes."""
    command, end, _ = line.split(" ", 5)[5].replace("\\%", "\0").partition("%")
    return (command + ("\n" if end else "")).replace("\0", "%")


def run_by_cron(
    tmp_path: Path, env: str, *, now: str = "10700", name: str = "a clone", shell: str = "/bin/sh"
) -> str:
    """What a command printed that said its words and PW; "" where it did not run.

    now   what a `date` of ours says that the time in Berlin is
    """
    folder, tools = tmp_path / name, tmp_path / "bin"
    (folder / ".venv" / "bin").mkdir(parents=True)
    tools.mkdir()
    date = tools / "date"
    date.write_text(f'#!/bin/sh\n[ "$TZ" = Europe/Berlin ] && [ "$1" = +%u%H%M ] && echo {now}\n')
    tool = folder / ".venv" / "bin" / "cacheaudit"
    tool.write_text('#!/bin/sh\nprintf "%s\\n" "$*"\nprintf "%s" "${PW-unset}"\n')
    (folder / ".cacheaudit.env").write_bytes(env.encode())
    for one in (date, tool):
        one.chmod(0o755)
    line = made("cron", folder=str(folder)).strip().splitlines()[-1]
    done = subprocess.run(
        [shell, "-c", cron_shell(line)], env={"PATH": f"{tools}:/usr/bin:/bin"}, check=False,
        capture_output=True, text=True,
    )  # fmt: skip

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")  # cron mails what is said
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([name, "bin"])
    log = folder / "cacheaudit-weekly.log"
    return log.read_text(encoding="utf-8") if log.exists() else ""


RAN = "weekly -f params/weekly.yaml --mail params/mail.yaml\n"


@pytest.mark.parametrize(
    ("now", "runs"),
    [("10700", True), ("10715", False), ("20700", False), ("10659", False), ("11700", False)],
)
def test_the_line_for_cron_runs_at_that_time_alone(tmp_path, now, runs):
    assert run_by_cron(tmp_path, "PW=secret\n", now=now) == (f"{RAN}secret" if runs else "")


@pytest.mark.parametrize("name", ["50%off", "100% of it", "it's $HOME", 'a "b" & c'])
def test_the_line_for_cron_finds_a_folder_of_any_name(tmp_path, name):
    assert run_by_cron(tmp_path, "PW=secret\n", name=name) == f"{RAN}secret"


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
@pytest.mark.parametrize(
    ("env", "read"),
    [
        ("PW=correct horse battery\n", "correct horse battery"),
        ("PW=pa$HOME$(touch leak)`touch leak`\n", "pa$HOME$(touch leak)`touch leak`"),
        ("PW=a&b;c|d>e(f)*~!#g\n", "a&b;c|d>e(f)*~!#g"),
        ("PW=a\\nb'c\"d%e=f\n", "a\\nb'c\"d%e=f"),
        ("PW=last line", "last line"),
        ("# PW=comment\n\n; no\nX=1\r\nPW=from Windows\r\n", "from Windows"),
        ("  PW=key \n", "key"),
        ("PW=\n", ""),
        ("not a name=1\n1X=2\n=3\na-b=4\nexport Y=5\ntouch leak\nPW=kept\n", "kept"),
        ("", "unset"),
    ],
)
def test_a_key_reaches_the_command_as_it_stands_in_the_file(tmp_path, shell, env, read):
    """Nothing of the file is run, and nothing of it is said."""
    assert run_by_cron(tmp_path, env, shell=shell) == f"{RAN}{read}"
    assert not list(tmp_path.rglob("leak"))


def test_the_line_for_cron_runs_without_a_file_of_keys(tmp_path):
    line = made("cron", folder=str(tmp_path)).strip().splitlines()[-1]
    reading = cron_shell(line).split(" && ", 1)[1].split(" && .venv")[0]
    done = subprocess.run(
        ["/bin/sh", "-c", f"{reading} && echo on"], cwd=tmp_path, capture_output=True, check=False
    )

    assert (done.stdout, done.stderr) == (b"on\n", b"")


def test_the_line_for_cron_is_short_enough_for_any_cron():
    line = made("cron", folder="/srv/" + "clone/" * 20).strip().splitlines()[-1]

    assert len(line) < 998  # MAX_COMMAND of Vixie's cron is 1000


def test_the_line_for_cron_fires_when_any_zone_has_that_minute():
    minutes = made("cron", every("07:10", "Asia/Kathmandu")).strip().splitlines()[-1].split()[0]

    assert minutes == "10,25,40,55"  # offsets in use are multiples of 15 minutes


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not on this machine")
@pytest.mark.parametrize("name", ["plain", "50%off $HOME clone"])
def test_systemd_takes_its_units(tmp_path, name):
    tool = tmp_path / name / ".venv" / "bin" / "cacheaudit"
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    words = (*WEEKLY, "-p", "name", "50%c of $HOME; it's")
    text = made("systemd", words=words, folder=str(tmp_path / name))
    for kind in ("service", "timer"):
        part = text.split(f"# cacheaudit-weekly.{kind}\n")[1].split("\n# cacheaudit-")[0]
        (tmp_path / f"cacheaudit-weekly.{kind}").write_text(part)
    said = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / "cacheaudit-weekly.timer")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert "cacheaudit-weekly" not in said.stderr
    assert str(tmp_path) not in said.stderr


def test_systemd_reads_paths_to_the_end_of_the_line():
    """Quotes would be part of them (systemd 252: "path is not absolute"), but in ExecStart."""
    words = ("weekly", "-p", "name", "50%off", "$HOME")
    lines = made("systemd", words=words, folder="/srv/50% off").splitlines()

    assert "WorkingDirectory=/srv/50%% off" in lines
    assert "EnvironmentFile=-/srv/50%% off/.cacheaudit.env" in lines
    (start,) = [line for line in lines if line.startswith("ExecStart=")]
    assert start == 'ExecStart="/srv/50%% off/.venv/bin/cacheaudit" weekly -p name 50%%off $$HOME'
    assert "Description=cacheaudit weekly -p name 50%%off '$HOME'" in lines
    assert "Description=cacheaudit weekly -p name 50%%off '$HOME', at set times" in lines


@pytest.mark.parametrize("folder", ["/srv/it's", '/srv/a"b', "/srv/a\\b"])
def test_a_folder_from_which_systemd_runs_nothing_is_refused(folder):
    with pytest.raises(ParamError, match="runs no program whose path holds quotes"):
        made("systemd", folder=folder)


def test_systemd_has_the_zone_and_makes_up_for_a_missed_run():
    text = made("systemd")

    assert "OnCalendar=Mon *-*-* 07:00:00 Europe/Berlin\n" in text
    assert "Persistent=true" in text
    assert "SuccessExitStatus=3 4" in text  # a gate that failed is a report, no broken service


def test_kubernetes_never_starts_it_twice():
    spec = yaml.safe_load(made("kubernetes"))["spec"]

    assert (spec["schedule"], spec["timeZone"]) == ("0 7 * * 1", "Europe/Berlin")
    assert spec["concurrencyPolicy"] == "Forbid"
    (container,) = spec["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["command"][1:] == list(WEEKLY)
    assert "env" not in container  # keys are a secret's


def test_jupyter_scheduler_gets_schedule_and_zone():
    text = made("jupyter")
    body = json.loads(text[text.index("\n{") :])

    assert (body["schedule"], body["timezone"]) == ("0 7 * * 1", "Europe/Berlin")
    assert (ROOT / body["input_uri"]).is_file()
    assert body["runtime_environment_name"]  # both are required by its API, 2.12


@pytest.mark.parametrize("word", RUNS)
def test_jupyter_scheduler_is_given_what_has_a_notebook(word):
    if (ROOT / "notebooks" / f"{word}.ipynb").is_file():
        assert f"notebooks/{word}.ipynb" in made("jupyter", words=(word,))
        return
    with pytest.raises(ParamError) as refused:
        made("jupyter", words=(word, "--out", "x"))

    assert str(refused.value) == (
        f"jupyter-scheduler runs notebooks, and {word} has none; expected one of weekly,"
        f" postmortem, readiness. Take another kind for {word}, such as cron."
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_prints_each_kind(command, tmp_path, kind):
    done = command(
        "schedule", "--every", "Mon 07:00", "--zone", "Europe/Berlin", "--kind", kind, cwd=tmp_path
    )

    assert done.returncode == 0
    assert "weekly" in done.stdout


def test_what_spends_money_is_not_scheduled(command, tmp_path):
    done = command(
        "schedule", "--every", "07:00", "--kind", "cron", "probe", "--execute", cwd=tmp_path
    )

    assert done.returncode == 1
    assert "What spends money is started by people" in done.stderr


def test_a_run_that_is_under_way_is_not_started_twice(tmp_path):
    with _only(tmp_path, "postmortem-sample"):
        with pytest.raises(RunFailed, match="a run of postmortem-sample is under way"):
            run_postmortem(PostmortemParams(), tmp_path)
        with _only(tmp_path, "postmortem-other"):
            pass

    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_run_works_where_cron_starts_it(tmp_path):
    """No terminal, no HOME, another folder, another zone, next to no PATH."""
    tool = [sys.executable, "-m", "cacheaudit"]
    done = subprocess.run(
        [*tool, "postmortem", "--out", str(tmp_path / "out")], cwd="/", stdin=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "TZ": "America/New_York", "PYTHONPATH": str(ROOT),
             "LANG": "C", "SHELL": "/bin/sh", "LOGNAME": os.environ.get("LOGNAME", "nobody")},
        capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    (folder,) = [p for p in (tmp_path / "out").iterdir() if p.is_dir()]
    assert {"report.html", "findings.json"} <= {p.name for p in folder.iterdir()}
    assert "2026-03-17 14:20 UTC" in done.stdout
