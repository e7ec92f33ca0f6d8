"""The units: text for each scheduler. Pure.

Facts about the schedulers, read 2026-11:
- cron runs by the machine's zone. CRON_TZ is cronie's alone (man 5 crontab), so the line asks the
  zone's own clock four times an hour, which every offset from UTC in use falls on.
- systemd's OnCalendar takes a zone, and Persistent makes up for a run that was missed
  (systemd.time(7), systemd.timer(5)).
- GitHub's schedule is in UTC and may be late or dropped
  (https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows):
  so it fires at each UTC time that the local one can be, and a first step asks the zone's clock.
- Kubernetes' CronJob has timeZone since 1.27, and concurrencyPolicy Forbid
  (https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/).
- jupyter-scheduler takes a cron expression with a zone
  (https://jupyter-scheduler.readthedocs.io/).
"""

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from .times import Every

KEYS = ("ANTHROPIC_ADMIN_KEY", "OPENAI_ADMIN_KEY", "CACHEAUDIT_MAIL_PASSWORD")
ENV = ".cacheaudit.env"
WHERE_KEYS = f"Keys: one NAME=value a line in {ENV}, readable by you alone."
KINDS = ("cron", "systemd", "github", "kubernetes", "jupyter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """*words* of a command that run in *folder*, a clone of the project.

    name   of the unit; log: where cron writes what the command says
    """

    words: tuple[str, ...]
    folder: str
    name: str

    @property
    def line(self) -> str:
        """The command, for a shell."""
        return shlex.join((".venv/bin/cacheaudit", *self.words))

    @property
    def spoken(self) -> str:
        """The command as people know it."""
        return shlex.join(("cacheaudit", *self.words))


def unit(kind: str, when: Every, words: Sequence[str], *, folder: str, year: int) -> str:
    """What to install so that *words* run at *when*.

    folder   the clone in which they run, where the kind runs on this machine
    year     for which GitHub's times in UTC hold
    """
    job = Job(words=tuple(words), folder=folder, name=f"cacheaudit-{words[0]}")
    makers: dict[str, Callable[[], str]] = {
        "cron": lambda: _cron(when, job),
        "systemd": lambda: _systemd(when, job),
        "github": lambda: _github(when, job, year),
        "kubernetes": lambda: _kubernetes(when, job),
        "jupyter": lambda: _jupyter(when, job),
    }
    return makers[kind]()


def _cron(when: Every, job: Job) -> str:
    minutes = sorted((when.minute + quarter) % 60 for quarter in (0, 15, 30, 45))
    clock = f"$(TZ={when.zone} date +\\%u\\%H\\%M)"
    wanted = " ".join(f"{number}{when.hour:02}{when.minute:02}" for number in when.numbers)
    guard = f'case " {wanted} " in *" {clock} "*) ;; *) exit 0 ;; esac'
    keys = f"{{ [ ! -f {ENV} ] || {{ set -a && . ./{ENV} && set +a; }}; }}"
    command = job.line.replace("%", "\\%")
    return (
        f"# {job.spoken}: {when.words}.\n"
        f"# Install with `crontab -e`. {WHERE_KEYS}\n"
        f"{','.join(map(str, minutes))} * * * * {guard}; cd {shlex.quote(job.folder)} && {keys} &&"
        f" {command} >> {job.name}.log 2>&1\n"
    )


def _systemd(when: Every, job: Job) -> str:
    days = "" if len(when.days) == 7 else f"{','.join(when.days)} "
    calendar = f"{days}*-*-* {when.hour:02}:{when.minute:02}:00 {when.zone}"
    command = " ".join(_systemd_word(word) for word in job.words)
    return (
        f"# {job.name}.service and {job.name}.timer go into ~/.config/systemd/user/, then:\n"
        f"#   systemctl --user daemon-reload && systemctl --user enable --now {job.name}.timer\n"
        "#   loginctl enable-linger   # so that it runs while nobody is logged in\n"
        f"# {WHERE_KEYS}\n\n"
        f"# {job.name}.service\n"
        f"[Unit]\nDescription={job.spoken}\n\n"
        f"[Service]\nType=oneshot\nWorkingDirectory={job.folder}\n"
        f"EnvironmentFile=-{job.folder}/{ENV}\n"
        f"ExecStart={job.folder}/.venv/bin/cacheaudit {command}\n"
        "SuccessExitStatus=3 4\n\n"
        f"# {job.name}.timer\n"
        f"[Unit]\nDescription={job.spoken}, at set times\n\n"
        f"[Timer]\nOnCalendar={calendar}\nPersistent=true\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )


def _systemd_word(word: str) -> str:
    """A word of ExecStart=: `%` and `$` mean something there."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if not escaped or set(escaped) & set(" \t\"';") else escaped


def _github(when: Every, job: Job, year: int) -> str:
    times = when.utc_times(year)
    wanted = "|".join(f"{number}{when.hour:02}{when.minute:02}" for number in when.numbers)
    meant = "$(date -u +%F) $2:$1 UTC"  # of the time that fired, however late it is now
    clock = (
        "set -f; set -- ${{ github.event.schedule }}\n"
        f'case "$(TZ={when.zone} date -d "{meant}" +%u%H%M)" in\n'
        f'  {wanted}) due=yes ;;\n  *) due=no ;;\nesac\necho "due=$due" >> "$GITHUB_OUTPUT"\n'
    )
    due = "steps.clock.outputs.due == 'yes' || github.event_name == 'workflow_dispatch'"
    steps: list[dict[str, Any]] = [
        {"uses": "actions/checkout@v5", "if": due},
        {"uses": "actions/setup-python@v6", "if": due, "with": {"python-version": "3.11"}},
        {"run": "make .venv/.ready", "if": due},
        {"run": job.line, "if": due},
        {"uses": "actions/upload-artifact@v5", "if": f"always() && ({due})",
         "with": {"name": "reports", "path": "reports/"}},
    ]  # fmt: skip
    ask = {
        "id": "clock", "name": f"Is it {when.hour:02}:{when.minute:02} in {when.zone}?",
        "if": "github.event_name == 'schedule'", "run": clock,
    }  # fmt: skip
    run = {
        "runs-on": "ubuntu-latest",
        "env": {key: f"${{{{ secrets.{key} }}}}" for key in KEYS},
        "steps": [ask, *steps],
    }
    document = {
        "name": job.name,
        "on": {
            "schedule": [{"cron": f"{minute} {hour} * * {day % 7}"} for day, hour, minute in times],
            "workflow_dispatch": {},
        },
        "permissions": {"contents": "read"},
        "concurrency": {"group": job.name, "cancel-in-progress": False},
        "jobs": {"run": run},
    }
    return (
        f"# .github/workflows/{job.name}.yml: {when.words}.\n"
        f"# Keys are the repository's secrets.\n{_yaml(document)}"
    )


def _kubernetes(when: Every, job: Job) -> str:
    container = {
        "name": "cacheaudit",
        "image": "registry.example.org/cacheaudit:latest",
        "workingDir": "/srv/cacheaudit",
        "command": ["/srv/cacheaudit/.venv/bin/cacheaudit", *job.words],
        "envFrom": [{"secretRef": {"name": "cacheaudit-keys"}}],
        "volumeMounts": [{"name": "reports", "mountPath": "/srv/cacheaudit/reports"}],
    }
    pod = {
        "restartPolicy": "Never",
        "containers": [container],
        "volumes": [
            {"name": "reports", "persistentVolumeClaim": {"claimName": "cacheaudit-reports"}}
        ],
    }
    document = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": job.name},
        "spec": {
            "schedule": when.cron,
            "timeZone": when.zone,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 3600,
            "jobTemplate": {"spec": {"backoffLimit": 0, "template": {"spec": pod}}},
        },
    }
    return (
        f"# {job.spoken}: {when.words}.\n"
        "# An image with the project and its environment in /srv/cacheaudit, and its params/;\n"
        "# kubectl create secret generic cacheaudit-keys --from-env-file=.cacheaudit.env\n"
        + _yaml(document)
    )


def _jupyter(when: Every, job: Job) -> str:
    body = {
        "input_uri": f"notebooks/{job.words[0]}.ipynb",
        "name": job.name,
        "output_formats": ["ipynb"],
        "runtime_environment_name": "python3",
        "schedule": when.cron,
        "timezone": when.zone,
    }
    return (
        "# With jupyter-scheduler in JupyterLab: right-click the notebook, Create Notebook Job,\n"
        "# Run on a schedule; take schedule and zone from below, parameters from params/*.yaml,\n"
        "# each as Python writes it: a text in quotes.\n"
        "# It writes the executed notebook alone: the page, the mail and the exit code are the\n"
        f"# command's own, so `{job.spoken}`\n# under another kind does more.\n"
        "# As a request to its API (2.12; the server's root is this folder, python3 its kernel):\n"
        "# POST /scheduler/job_definitions\n"
        f"{json.dumps(body, indent=2)}\n"
    )


def _yaml(document: object) -> str:
    text: str = yaml.safe_dump(document, sort_keys=False, width=4096)
    return text.replace("\n'on':", "\non:")
