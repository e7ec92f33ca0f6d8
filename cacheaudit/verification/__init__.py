"""After a repair: is what fell back at the frozen baseline of its own postmortem?

scale      what is measured, by the hour and as one rate
groups     who is judged, and the traffic of each before and after
stretches  a stretch of hours held against its bar
judge      all groups, and the traffic that was spared, as one verdict; pure
result     what is known, in one value
words      the verdict in sentences, and a closing comment
volume     how much of the usual traffic was seen
arrivals   traffic that no postmortem judged
asked      source and names of the postmortem
verify     pull, judge and write; clock, network and disk end here
"""

from .judge import judge
from .result import Verification

__all__ = ["Verification", "judge"]
