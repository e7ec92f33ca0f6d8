"""A command at set times, as a unit of the scheduler that a team already has: text to install.

times   "Mon 07:00" in a zone, read once
units   cron, systemd, GitHub Actions, Kubernetes, jupyter-scheduler
"""

from .times import Every, every
from .units import KINDS, unit

__all__ = ["KINDS", "Every", "every", "unit"]
