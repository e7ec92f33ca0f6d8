"""A request log as the only source: usage is counted from its calls.

For a team that has transcripts or a gateway's log and no admin key. `path` is the log (logs/ says
which formats); `requests_table`, `requests_format`, `columns` and `max_loss` say how to read it.

**Tokens.** As the format's module maps them; calls that failed are left out, for they are not
billed. **What it cannot tell.** Whether the log is complete: what was sent past it (another
machine, another key) is not in it, and no usage report is there to be held against. Costs are list
prices of what it holds.
"""

import ibis
import pandas as pd

from ..engine import rollup
from ..errors import EmptyWindow, ParamError
from ..logs.opening import open_log
from ..params import PostmortemParams
from .pull import Pull

ALONE = (
    "Usage was counted from a request log alone: calls that went past it are not in it, and no"
    " usage report says how many."
)


def fetch(params: PostmortemParams, *, now: pd.Timestamp | None = None) -> Pull:
    """Buckets of the log at `params.path`, and the log itself for what buckets cannot say."""
    if not params.path:
        raise ParamError("source is log and path is empty; expected the log. Set path.")
    log = open_log(
        params.path,
        table=params.requests_table,
        format=params.requests_format,
        columns=params.columns,
        max_loss=params.max_loss,
    )
    start, end = params.window
    inside = log.table
    if start is not None:
        inside = inside.filter(inside.ts >= ibis.literal(start))
    if end is not None:
        inside = inside.filter(inside.ts < ibis.literal(end))
    usage = rollup(inside, params.bucket)
    if usage.empty:
        raise EmptyWindow(
            f"{log.title}: no call lies in the window; expected some. Set start and end to days"
            " that the log covers."
        )
    first, last = usage["bucket_start"].min(), usage["bucket_end"].max()
    return Pull(
        usage=usage,
        source=f"request log: {log.title}",
        start=first if start is None else start,
        end=last if end is None else min(end, last),
        notes=(ALONE, *log.notes),
        log=log,
    )
