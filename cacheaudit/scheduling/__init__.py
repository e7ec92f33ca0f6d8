"""A command at set times, as a unit of the scheduler that a team already has: text to install.

times     "Mon 07:00" in a zone, read once
job       the command and where it runs
machine   cron and systemd
github    GitHub Actions
units     the unit of a kind; Kubernetes and jupyter-scheduler
"""

from .times import Every, every
from .units import KINDS, unit

__all__ = ["KINDS", "Every", "every", "unit"]
