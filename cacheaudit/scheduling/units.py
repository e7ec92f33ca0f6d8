"""The unit of each kind; those for Kubernetes and jupyter-scheduler. Pure.

Facts about the schedulers, read 2026-11:
- Kubernetes' CronJob has timeZone since 1.27, and concurrencyPolicy Forbid
  (https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/).
- jupyter-scheduler takes a cron expression with a zone, and runs notebooks alone
  (https://jupyter-scheduler.readthedocs.io/).
"""

import json
from collections.abc import Callable, Sequence

from ..errors import ParamError
from .github import github
from .job import ENV, Job, as_yaml
from .machine import cron, systemd
from .times import Every, check_once

KINDS = ("cron", "systemd", "github", "kubernetes", "jupyter")
NOTEBOOKS = ("weekly", "postmortem", "readiness")


def unit(kind: str, when: Every, words: Sequence[str], *, folder: str, year: int) -> str:
    """What to install so that *words* run at *when*.

    folder   the clone in which they run, where the kind runs on this machine
    year     of today: for it GitHub's times in UTC hold

    Raises ParamError where the zone's clock skips or repeats that time in *year* or the next, or
    the kind cannot run the words, or not in that folder.
    """
    check_once(when, year)
    job = Job(words=tuple(words), folder=folder, name=f"cacheaudit-{words[0]}")
    makers: dict[str, Callable[[], str]] = {
        "cron": lambda: cron(when, job),
        "systemd": lambda: systemd(when, job),
        "github": lambda: github(when, job, year),
        "kubernetes": lambda: _kubernetes(when, job),
        "jupyter": lambda: _jupyter(when, job),
    }
    return makers[kind]()


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
        f"# kubectl create secret generic cacheaudit-keys --from-env-file={ENV}\n"
        + as_yaml(document)
    )


def _jupyter(when: Every, job: Job) -> str:
    word = job.words[0]
    if word not in NOTEBOOKS:
        raise ParamError(
            f"jupyter-scheduler runs notebooks, and {word} has none; expected one of"
            f" {', '.join(NOTEBOOKS)}. Take another kind for {word}, such as cron."
        )
    body = {
        "input_uri": f"notebooks/{word}.ipynb",
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
