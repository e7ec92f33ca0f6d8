"""What the receipts of one prefix tell: when it was last proven, and what became of each touch."""

from collections.abc import Iterable
from dataclasses import dataclass

from ..probing.receipt import Receipt

MISSES = 3  # calls in a row that neither read nor report a write: it is not cached


@dataclass(slots=True)
class Touched:
    """The touches of a prefix, one after another.

    says_writes   whether a write of 0 means that nothing was written
    proven_s      start of the last call that read it or wrote it; None: never
    touches       calls that were answered with their counts; reads: of them, those that read;
                  rewritten: those that wrote anew most of what had been warm before
    misses        answered calls in a row that neither read nor wrote
    tokens        of the prefix, as the last proof has them; input_tokens: of the whole call
    """

    says_writes: bool = False
    proven_s: float | None = None
    touches: int = 0
    reads: int = 0
    rewritten: int = 0
    misses: int = 0
    tokens: int | None = None
    input_tokens: int | None = None
    uncached_tokens: int | None = None

    @property
    def cached(self) -> bool:
        """False once it is known that the endpoint does not cache it."""
        once = self.says_writes and self.proven_s is None
        return self.misses < (1 if once else MISSES)

    def hear(self, receipt: Receipt) -> None:
        """Take in a call that has ended; one without counts says nothing."""
        if not receipt.counted:
            return
        read, wrote = receipt.cache_read_tokens or 0, receipt.cache_write_tokens or 0
        self.touches += 1
        self.input_tokens = receipt.input_tokens or self.input_tokens
        self.uncached_tokens = receipt.uncached_input_tokens
        if not read and not wrote:
            self.misses += 1
            return
        anew = self.proven_s is not None and wrote > read
        self.rewritten += anew
        self.reads += bool(read) and not anew
        self.proven_s, self.tokens, self.misses = receipt.sent_s, read + wrote, 0


def touched_of(receipts: Iterable[Receipt], *, says_writes: bool) -> Touched:
    """What came of one prefix's receipts, in the order in which they were sent."""
    touched = Touched(says_writes=says_writes)
    for receipt in sorted(receipts, key=lambda one: one.sent_s):
        touched.hear(receipt)
    return touched
