"""The workflow for GitHub: its first step is run, by a shell whose `date` says which day it is."""

import subprocess
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import yaml

from cacheaudit.scheduling import every, unit
from cacheaudit.scheduling.times import DAYS
from tests.conftest import ROOT

WEEKLY = ("weekly", "-f", "params/weekly.yaml", "--mail", "params/mail.yaml")


def workflow(text: str = "Mon 07:00", zone: str = "Europe/Berlin", words=WEEKLY) -> dict:
    made = unit("github", every(text, zone), words, folder="/srv/clone", year=2026)
    return yaml.safe_load(made)


def crons(document: dict) -> list[str]:
    return [one["cron"] for one in document[True]["schedule"]]  # YAML 1.1 reads `on` as yes


def due(tmp_path, document: dict, fired: str, today: str) -> str:
    step = document["jobs"]["run"]["steps"][0]["run"]
    date = tmp_path / "date"
    date.write_text(
        f'#!/bin/sh\nif [ "$*" = "-u +%F" ]; then echo {today}; else exec /bin/date "$@"; fi\n'
    )
    date.chmod(0o755)
    out = tmp_path / "out"
    out.unlink(missing_ok=True)
    subprocess.run(
        ["bash", "-e", "-c", step.replace("${{ github.event.schedule }}", fired)], check=True,
        cwd=ROOT, env={"PATH": f"{tmp_path}:/usr/bin:/bin", "GITHUB_OUTPUT": str(out)},
    )  # fmt: skip
    return out.read_text()


@pytest.mark.parametrize(
    ("fired", "today", "is_due"),
    [
        ("0 6 * * 1", "2026-01-05", "yes"), ("0 5 * * 1", "2026-01-05", "no"),
        ("0 5 * * 1", "2026-07-06", "yes"), ("0 6 * * 1", "2026-07-06", "no"),
        ("0 5 * * 4", "2026-07-09", "no"), ("0 5 * * 4", "2026-01-08", "no"),
    ],
)  # fmt: skip
def test_it_runs_once_a_week_in_summer_and_winter(tmp_path, fired, today, is_due):
    document = workflow()

    assert crons(document) == ["0 5 * * 1", "0 6 * * 1", "0 5 * * 4"]
    assert due(tmp_path, document, fired, today) == f"due={is_due}\n"


@pytest.mark.parametrize(
    ("text", "zone", "fired", "day"),
    [
        ("Tue 01:45", "Europe/Berlin", "45 23 * * 1", "2026-07-06"),
        ("Mon 18:45", "America/New_York", "45 23 * * 1", "2026-01-05"),
        ("Mon 08:45", "Asia/Tokyo", "45 23 * * 0", "2026-01-04"),
        ("Sun 00:30", "Europe/London", "30 0 * * 0", "2026-03-01"),  # of the month before, late
        ("Sun 08:45", "Asia/Tokyo", "45 23 * * 6", "2025-12-27"),
    ],
)
@pytest.mark.parametrize("late_days", [0, 1, 6])
def test_a_run_that_begins_on_a_later_day_is_that_of_the_day_it_was_due(
    tmp_path, text, zone, fired, day, late_days
):
    document = workflow(text, zone)
    today = (datetime.fromisoformat(day) + timedelta(days=late_days)).date().isoformat()

    assert fired in crons(document)
    assert due(tmp_path, document, fired, today) == "due=yes\n"


@pytest.mark.parametrize(
    ("text", "zone", "days"),
    [
        ("Sun 03:00", "Europe/Berlin", ["2026-03-22", "2026-03-29", "2026-10-25", "2026-11-01"]),
        ("Sun 00:30", "America/New_York", ["2026-03-01", "2026-03-08", "2026-11-01", "2026-11-08"]),
        ("Mon 00:15", "Asia/Kathmandu", ["2026-03-29"]),
    ],
)
def test_each_week_has_one_run_also_where_the_clock_changes(tmp_path, text, zone, days):
    document = workflow(text, zone)
    for sunday in days:
        ran = []
        for ahead in range(-1, 6):  # each fire begins on its own day in UTC
            day = datetime.fromisoformat(sunday).replace(tzinfo=UTC) + timedelta(days=ahead)
            for cron in crons(document):
                minute, hour, *_, weekday = cron.split()
                if weekday == day.strftime("%w"):
                    told = due(tmp_path, document, cron, day.date().isoformat())
                    at = day.replace(hour=int(hour), minute=int(minute))
                    ran += [at.astimezone(ZoneInfo(zone))] * (told == "due=yes\n")

        assert [at.strftime("%a %H:%M") for at in ran] == [text]


def steps() -> list[dict]:
    return workflow()["jobs"]["run"]["steps"]


def place(step: str) -> int:
    (found,) = [
        at for at, one in enumerate(steps()) if step in (one.get("uses", ""), one.get("run"))
    ]
    return found


def test_what_was_sent_and_told_is_there_at_the_next_run():
    """What a cache must be for that: read before the run, written after it, each with a key of its
    own that the next asks for by its beginning."""
    restore, save = place("actions/cache/restore@v6"), place("actions/cache/save@v6")
    given, kept = steps()[restore]["with"], steps()[save]["with"]
    (run,) = [at for at, one in enumerate(steps()) if "bin/cacheaudit" in one.get("run", "")]
    sent = yaml.safe_load((ROOT / "params" / "mail.yaml").read_text())["sent_path"]

    assert place("actions/checkout@v5") < restore < run < save  # a checkout empties the folder
    assert given["path"] == kept["path"] == "reports/"  # another path would be another cache
    assert sent.startswith(kept["path"])
    assert kept["key"] == given["key"]
    assert kept["key"].startswith(given["restore-keys"])
    assert kept["key"].removeprefix(given["restore-keys"]) == (
        "${{ github.run_id }}-${{ github.run_attempt }}"  # a cache cannot be written twice
    )


def test_a_report_with_a_verdict_is_kept_too():
    """Exit 3 and 4 fail the step, and what is not `always()` behind it is skipped."""
    (run,) = [one for one in steps() if "bin/cacheaudit" in one.get("run", "")]
    save = steps()[place("actions/cache/save@v6")]

    assert save["if"] == f"always() && ({run['if']})"


def test_commands_do_not_read_each_other_s_cache():
    keys = {
        step["with"]["restore-keys"]
        for words in (("weekly",), ("postmortem",))
        for step in workflow(words=words)["jobs"]["run"]["steps"]
        if "restore" in step.get("uses", "")
    }

    assert keys == {"cacheaudit-weekly-reports-", "cacheaudit-postmortem-reports-"}


@pytest.mark.parametrize("day", [*DAYS, "Mon and Tue", "weekdays", "daily"])
def test_no_seven_days_pass_without_a_run_that_reads_the_cache(day):
    document = workflow(f"{day} 00:30")
    (restore,) = [
        one for one in document["jobs"]["run"]["steps"] if "restore" in one.get("uses", "")
    ]
    week = sorted({int(cron.split()[4]) for cron in crons(document)})
    gaps = [
        (later - sooner) % 7 or 7 for sooner, later in zip(week, week[1:] + week[:1], strict=True)
    ]

    assert "if" not in restore  # also where nothing is due
    assert max(gaps) <= 6
    assert len(crons(document)) == len(set(crons(document)))


def test_it_says_what_happens_without_the_cache():
    text = unit("github", every("Mon 07:00", "UTC"), WEEKLY, folder="/srv/clone", year=2026)
    head = " ".join(line.removeprefix("# ") for line in text.splitlines() if line.startswith("#"))

    assert "7 days pass without a run that reads it" in head
    assert "then a report is told as the first, and may be sent again" in head


def test_a_step_of_several_lines_is_read_line_by_line():
    text = unit("github", every("Mon 07:00", "Europe/Berlin"), WEEKLY, folder="/x", year=2026)

    assert "      run: |\n        set -f;" in text
    assert "\\n" not in text
