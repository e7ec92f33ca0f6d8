"""What one sends on: a finished postmortem as a draft ticket, in Markdown. Pure.

markdown   text that came from data stays text
names      whose names a reader may see, and the labels that stand for the others
told       what was seen: title, timeline, who fell and who did not, calls, money
argued     the verdict, the causes, what is asked, how it was measured
compose    the parts in order
"""

from .argued import Addressee
from .compose import ticket_of

__all__ = ["Addressee", "ticket_of"]
