"""A workflow of GitHub Actions. Pure.

Facts, read 2026-11:
- The schedule is in UTC and may be late or dropped
  (https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows):
  so it fires at each UTC time that the local one can be, and a first step asks the zone's clock
  about the time that fired. A `timezone` beside `cron` is newer (2026-03), and not said to run
  once where a clock goes back; GitHub Enterprise Server is not said to have it.
- A run begins with an empty folder. A cache cannot be changed, so each run saves its own, and the
  next takes the newest; one that was not read for 7 days is removed
  (https://docs.github.com/actions/reference/workflows-and-actions/dependency-caching).
"""

from typing import Any

from .job import Job, as_yaml
from .times import Every

KEYS = ("ANTHROPIC_ADMIN_KEY", "OPENAI_ADMIN_KEY", "CACHEAUDIT_MAIL_PASSWORD")
DUE = "steps.clock.outputs.due == 'yes' || github.event_name == 'workflow_dispatch'"


def github(when: Every, job: Job, year: int) -> str:
    """A workflow whose times in UTC hold for *year*."""
    document = {
        "name": job.name,
        "on": {
            "schedule": [
                {"cron": f"{minute} {hour} * * {day % 7}"}
                for day, hour, minute in _fires(when, year)
            ],
            "workflow_dispatch": {},
        },
        "permissions": {"contents": "read"},
        "concurrency": {"group": job.name, "cancel-in-progress": False},
        "jobs": {
            "run": {
                "runs-on": "ubuntu-latest",
                "env": {key: f"${{{{ secrets.{key} }}}}" for key in KEYS},
                "steps": _steps(when, job),
            }
        },
    }
    return (
        f"# .github/workflows/{job.name}.yml: {when.words}.\n"
        "# Keys are the repository's secrets. What was told and sent is kept from run to run as\n"
        "# a cache. GitHub removes it when 7 days pass without a run that reads it, or sooner for\n"
        "# want of room: then a report is told as the first, and may be sent again. Where that\n"
        f"# must not happen, take another kind.\n{as_yaml(document)}"
    )


def _fires(when: Every, year: int) -> list[tuple[int, int, int]]:
    """(ISO weekday, hour, minute) in UTC; for one day a week also one between, which is never
    due: it reads the cache, so that no 7 days pass."""
    times = when.utc_times(year)
    between = [(1 + (times[0][0] + 2) % 7, *times[0][1:])] if len(when.days) == 1 else []
    return times + between


def _clock(when: Every) -> dict[str, Any]:
    """The step that says whether the time that fired is the zone's. Its day is the last one of its
    weekday: a run that is late may begin on the next."""
    wanted = "|".join(f"{number}{when.hour:02}{when.minute:02}" for number in when.numbers)
    return {
        "id": "clock",
        "name": f"Is it {when.clock} in {when.zone}?",
        "if": "github.event_name == 'schedule'",
        "run": (
            "set -f; set -- ${{ github.event.schedule }}\n"
            "today=$(date -u +%F)\n"
            'ago=$(( ($(TZ=UTC date -d "$today" +%w) + 7 - $5) % 7 ))\n'
            'day=$(TZ=UTC date -d "$today $ago days ago" +%F)\n'
            f'case "$(TZ={when.zone} date -d "$day $2:$1 UTC" +%u%H%M)" in\n'
            f"  {wanted}) due=yes ;;\n  *) due=no ;;\nesac\n"
            'echo "due=$due" >> "$GITHUB_OUTPUT"\n'
        ),
    }


def _steps(when: Every, job: Job) -> list[dict[str, Any]]:
    kept = f"{job.name}-reports-"
    own = f"{kept}${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}"
    this = {"path": "reports/", "key": own}
    last = f"always() && ({DUE})"  # also after exit 3 and 4, which are reports
    return [
        _clock(when),
        {"uses": "actions/checkout@v5", "if": DUE},
        {"uses": "actions/cache/restore@v6", "with": {**this, "restore-keys": kept}},
        {"uses": "actions/setup-python@v6", "if": DUE, "with": {"python-version": "3.11"}},
        {"run": "make .venv/.ready", "if": DUE},
        {"run": job.line, "if": DUE},
        {"uses": "actions/cache/save@v6", "if": last, "with": this},
        {"uses": "actions/upload-artifact@v5", "if": last,
         "with": {"name": "reports", "path": "reports/"}},
    ]  # fmt: skip
