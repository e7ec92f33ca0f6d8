"""What a cache of known rules would have read on this traffic, with and without a cutover.

    rules     what a version's cache does: lifetime, minimum, granularity, prices
    cutover   when traffic moves to another version, and in which parts
    split     which calls a share of the traffic is
    lanes     hits by prefix and conversation, as window functions where the log lies
    blocks    hits of block traces, exact to the block
    outcome   tokens by class, hit rate, cost

A cache is keyed on (prefix, version). An entry lives so long after its last use, and every use
refreshes it; there is no other eviction. So all of it follows from the order of the calls.
"""

from .cutover import Cutover, Prefill
from .outcome import Outcome
from .rules import Rules, rules_of
from .simulate import replay

__all__ = ["Cutover", "Outcome", "Prefill", "Rules", "replay", "rules_of"]
