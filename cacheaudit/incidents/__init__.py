"""Stretches of time in which a watched series was worse than its frozen baseline.

Watched are, for all traffic and for each cohort: the hit rate (or what stands in for it), the
cost per request (or per input token, where requests are not counted), and for all traffic the
volume by day. Alarms that begin together are one incident.
"""

from .alarms import Alarm
from .find import Incident, find_incidents
from .series import RATES, Measure, Series, watched_series
from .sharpen import sharpen

__all__ = [
    "RATES",
    "Alarm",
    "Incident",
    "Measure",
    "Series",
    "find_incidents",
    "sharpen",
    "watched_series",
]
