"""What the alarm can find in a team's own traffic: planted falls, and windows without one.

Falls of several sizes are planted in the team's quiet history, and the detection of the diagnosis
is run on what would have been known hour by hour after each. Days of the same history, shuffled,
say how often it raises an alarm when nothing happens. Pure: the seed is the only source of chance.
"""

from .calibrate import calibrate
from .plant import Planted, Site, plant
from .quiet import BEFORE, ROOM, Quiet, quiet_stretch
from .result import Calibration, CohortPower, DropPower, FalseAlarms
from .watch import Watch, watch_of
from .words import calibration_text

__all__ = [
    "BEFORE",
    "ROOM",
    "Calibration",
    "CohortPower",
    "DropPower",
    "FalseAlarms",
    "Planted",
    "Quiet",
    "Site",
    "Watch",
    "calibrate",
    "calibration_text",
    "plant",
    "quiet_stretch",
    "watch_of",
]
