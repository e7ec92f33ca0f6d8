"""What one sends on: a finished postmortem as a draft ticket, in Markdown. Pure.

markdown   text that came from data stays text
vocabulary the kit's own words, from its own sources
known      what a provider gave out itself: models, and ids by their shape
names      how a name, and a sentence with names in it, is told
neutral    what a provider may be told, and the labels that stand for the rest
told       what was seen: title, timeline, who fell and who did not, calls, money
argued     the verdict, the causes, what is asked, how it was measured
compose    the parts in order
"""

from .argued import Addressee
from .compose import ticket_of

__all__ = ["Addressee", "ticket_of"]
