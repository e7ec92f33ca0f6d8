"""A week against a frozen baseline, and what is new in it since the last report.

baseline    which traffic is usual: a run that was frozen, or the days before without incidents
series      the week and its baseline by cohort and hour
volume      prompt tokens of the week beside the days before
list_price  what the models in use explain of a cost
covered     the hours of the week that the data has, of those that usually carry traffic
compare     hit rate, cost and volume of the week beside what was usual, with intervals
parts       what comes of it, as values
doubts      why a week is not known: missing, stale, not reported, other traffic
settled     what a frozen baseline shows to be over
news        versions, routes, workspaces and releases that are new or gone; prices that changed
ahead       models that end, and names that move
told        incidents that are open, that closed, and that an earlier report knew of
winnable    what a week could still save, with its assumption
known       what earlier runs have left: the last report, verifications, a calibration
reports     where these are read (disk)
result      all of it, and the verdict
observe     pull, judge, compare; the clock, the network and the disk end there and in reports
"""

from .observe import observe, watch_cutover
from .result import Weekly

__all__ = ["Weekly", "observe", "watch_cutover"]
