"""Units of one machine: a line for cron, a timer and a service for systemd. Pure.

Facts about the schedulers, read 2026-11:
- cron runs by the machine's zone. CRON_TZ is cronie's alone (man 5 crontab), so the line asks the
  zone's own clock four times an hour, which every offset from UTC in use falls on. `%` ends a
  command, also within quotes; `\\%` does not.
- systemd's OnCalendar takes a zone, and Persistent makes up for a run that was missed
  (systemd.time(7), systemd.timer(5)). `%` means something in each setting (systemd.unit(5)). A
  path is the rest of the line, and ExecStart alone takes quotes; its first word, the program, is
  taken without variables (systemd.service(5)) and may hold no quotes (systemd 252, run).
"""

import shlex

from ..errors import ParamError
from .job import ENV, WHERE_KEYS, Job
from .times import Every

# Read, not sourced: a value may hold what means something to a shell. Blanks at the ends and the
# CR of a file from Windows are no part of it, as for systemd.
KEYS = (
    f'{{ [ ! -f {ENV} ] || {{ cr=$(printf "\\r"); while read -r kv || [ -n "$kv" ]; do'
    ' kv=${kv%"$cr"}; case ${kv%%=*} in ""|[0-9]*|*[!A-Za-z0-9_]*) ;; *) export "$kv" ;; esac;'
    f" done < {ENV}; }}; }}"
)


def cron(when: Every, job: Job) -> str:
    """A line for `crontab -e`."""
    minutes = sorted((when.minute + quarter) % 60 for quarter in (0, 15, 30, 45))
    clock = f"$(TZ={when.zone} date +%u%H%M)"
    wanted = " ".join(f"{number}{when.hour:02}{when.minute:02}" for number in when.numbers)
    guard = f'case " {wanted} " in *" {clock} "*) ;; *) exit 0 ;; esac'
    shell = f"{guard}; cd {shlex.quote(job.folder)} && {KEYS} && {job.line} >> {job.name}.log 2>&1"
    escaped = shell.replace("%", "\\%")
    return (
        f"# {job.spoken}: {when.words}.\n"
        f"# Install with `crontab -e`. {WHERE_KEYS}\n"
        f"{','.join(map(str, minutes))} * * * * {escaped}\n"
    )


def systemd(when: Every, job: Job) -> str:
    """A user's timer and service."""
    if set(job.folder) & set("\"'\\"):
        raise ParamError(
            f"the folder is {job.folder}, and systemd runs no program whose path holds quotes or a"
            " backslash; expected one without. Rename it, or take --kind cron."
        )
    days = "" if len(when.days) == 7 else f"{','.join(when.days)} "
    calendar = f"{days}*-*-* {when.clock}:00 {when.zone}"
    command = " ".join(_word(word) for word in job.words)
    folder, spoken = _plain(job.folder), _plain(job.spoken)
    return (
        f"# {job.name}.service and {job.name}.timer go into ~/.config/systemd/user/, then:\n"
        f"#   systemctl --user daemon-reload && systemctl --user enable --now {job.name}.timer\n"
        "#   loginctl enable-linger   # so that it runs while nobody is logged in\n"
        f"# {WHERE_KEYS}\n\n"
        f"# {job.name}.service\n"
        f"[Unit]\nDescription={spoken}\n\n"
        f"[Service]\nType=oneshot\nWorkingDirectory={folder}\n"
        f"EnvironmentFile=-{folder}/{ENV}\n"
        f'ExecStart="{folder}/.venv/bin/cacheaudit" {command}\n'
        "SuccessExitStatus=3 4\n\n"
        f"# {job.name}.timer\n"
        f"[Unit]\nDescription={spoken}, at set times\n\n"
        f"[Timer]\nOnCalendar={calendar}\nPersistent=true\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )


def _plain(text: str) -> str:
    return text.replace("%", "%%")


def _word(word: str) -> str:
    """A word of ExecStart=: `%` and `$` mean something there."""
    escaped = _plain(word).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{escaped}"' if not escaped or set(escaped) & set(" \t\"';") else escaped
