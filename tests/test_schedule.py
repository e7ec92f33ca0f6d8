"""Units that run as they are: the shell's parts are run, the others read by their own schemas."""

import json
import os
import shutil
import subprocess
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cacheaudit.errors import ParamError, RunFailed
from cacheaudit.params import PostmortemParams
from cacheaudit.run import _only, run_postmortem
from cacheaudit.scheduling import KINDS, every, unit
from cacheaudit.scheduling.times import DAYS
from tests.conftest import ROOT

BERLIN = every("Mon 07:00", "Europe/Berlin")
WEEKLY = ("weekly", "-f", "params/weekly.yaml", "--mail", "params/mail.yaml")


def made(kind: str, when=BERLIN, words=WEEKLY, folder="/srv/cache audit") -> str:
    return unit(kind, when, words, folder=folder, year=2026)


@pytest.mark.parametrize(
    ("text", "days", "cron"),
    [
        ("Mon 07:00", ("Mon",), "0 7 * * 1"),
        ("Thu,Mon 7:05", ("Mon", "Thu"), "5 7 * * 1,4"),
        ("weekdays 23:59", DAYS[:5], "59 23 * * 1,2,3,4,5"),
        ("daily 00:00", DAYS, "0 0 * * *"),
        ("07:30", DAYS, "30 7 * * *"),
        ("sunday 07:00", ("Sun",), "0 7 * * 0"),
    ],
)
def test_times_are_read_as_people_write_them(text, days, cron):
    found = every(text, "UTC")

    assert (found.days, found.cron) == (days, cron)


@pytest.mark.parametrize(
    "text", ["", "Mon", "24:00", "Funday 07:00", "Mon 7", "07:60", "Mon,Xyz 1:00"]
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ParamError, match="expected days and a time"):
        every(text, "UTC")


@pytest.mark.parametrize("zone", ["Berlin", "", "../etc/passwd", "Europe/Berlin; rm"])
def test_what_is_no_zone_is_refused(zone):
    with pytest.raises(ParamError, match="no time zone"):
        every("07:00", zone)


ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Chatham", "UTC"]


@settings(deadline=None, max_examples=50)
@given(
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
    days=st.sets(st.sampled_from(DAYS), min_size=1),
    zone=st.sampled_from(ZONES),
)
def test_the_times_in_utc_are_those_of_every_week_of_the_year(hour, minute, days, zone):
    found = every(f"{','.join(days)} {hour}:{minute:02}", zone)
    times = set(found.utc_times(2026))
    for month in range(1, 13):
        for day in range(1, 8):
            local = datetime(2026, month, day, hour, minute, tzinfo=ZoneInfo(zone))
            at = local.astimezone(ZoneInfo("UTC"))
            due = (1 + at.weekday(), at.hour, at.minute) in times

            assert due or DAYS[local.weekday()] not in days


def cron_shell(line: str) -> str:
    """What cron gives to the shell: the text behind the five fields, `\\%` as `%`."""
    return line.split(" ", 5)[5].replace("\\%", "%")


@pytest.mark.parametrize(
    ("now", "runs"),
    [("10700", True), ("10715", False), ("20700", False), ("10659", False), ("11700", False)],
)
def test_the_line_for_cron_runs_at_that_time_alone(tmp_path, now, runs):
    """With a `date` that says what the time in Berlin is."""
    folder, tools = tmp_path / "a clone", tmp_path / "bin"
    (folder / ".venv" / "bin").mkdir(parents=True)
    tools.mkdir()
    date = tools / "date"
    date.write_text(f'#!/bin/sh\n[ "$TZ" = Europe/Berlin ] && echo {now}\n')
    tool = folder / ".venv" / "bin" / "cacheaudit"
    tool.write_text('#!/bin/sh\necho "ran $KEY: $*"\n')
    (folder / ".cacheaudit.env").write_text("KEY=secret\n")
    for one in (date, tool):
        one.chmod(0o755)
    line = made("cron", folder=str(folder)).strip().splitlines()[-1]
    done = subprocess.run(
        ["/bin/sh", "-c", cron_shell(line)], env={"PATH": f"{tools}:/usr/bin:/bin"}, check=False
    )

    assert done.returncode == 0
    log = folder / "cacheaudit-weekly.log"
    assert log.exists() is runs
    assert not runs or log.read_text() == (
        "ran secret: weekly -f params/weekly.yaml --mail params/mail.yaml\n"
    )


def test_the_line_for_cron_fires_when_any_zone_has_that_minute():
    minutes = made("cron", every("07:10", "Asia/Kathmandu")).strip().splitlines()[-1].split()[0]

    assert minutes == "10,25,40,55"  # offsets in use are multiples of 15 minutes


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not on this machine")
def test_systemd_takes_its_units(tmp_path):
    text = made("systemd", folder=str(tmp_path))
    for kind in ("service", "timer"):
        part = text.split(f"# cacheaudit-weekly.{kind}\n")[1].split("\n# cacheaudit-")[0]
        (tmp_path / f"cacheaudit-weekly.{kind}").write_text(part)
    said = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / "cacheaudit-weekly.timer")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert "cacheaudit-weekly" not in said.stderr.replace("is not executable", "")


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


@pytest.mark.parametrize(
    ("schedule", "today", "due"),
    [
        ("0 6 * * 1", "2026-01-05", "yes"), ("0 5 * * 1", "2026-01-05", "no"),
        ("0 5 * * 1", "2026-07-06", "yes"), ("0 6 * * 1", "2026-07-06", "no"),
    ],
)  # fmt: skip
def test_github_runs_once_a_week_in_summer_and_winter(tmp_path, schedule, today, due):
    """Its first step, run by a shell whose `date -u` says which day it is."""
    document = yaml.safe_load(made("github"))
    crons = [one["cron"] for one in document[True]["schedule"]]  # YAML 1.1 reads `on` as yes
    assert crons == ["0 5 * * 1", "0 6 * * 1"]
    step = document["jobs"]["run"]["steps"][0]["run"]
    date = tmp_path / "date"
    date.write_text(f'#!/bin/sh\n[ "$1" = -u ] && echo {today} || exec /bin/date "$@"\n')
    date.chmod(0o755)
    script = step.replace("${{ github.event.schedule }}", schedule)
    subprocess.run(
        ["bash", "-e", "-c", script], check=True, cwd=ROOT,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "GITHUB_OUTPUT": str(tmp_path / "out")},
    )  # fmt: skip

    assert (tmp_path / "out").read_text() == f"due={due}\n"


def test_jupyter_scheduler_gets_schedule_and_zone():
    text = made("jupyter")
    body = json.loads(text[text.index("\n{") :])

    assert (body["schedule"], body["timezone"]) == ("0 7 * * 1", "Europe/Berlin")
    assert (ROOT / body["input_uri"]).is_file()
    assert body["runtime_environment_name"]  # both are required by its API, 2.12


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
