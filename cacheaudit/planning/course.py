"""How plans go hour by hour: the hit rate around the cutover, on the last day that was tried."""

from collections.abc import Sequence

import pandas as pd

from ..replaying import replay
from ..replaying.simulate import Replayed, prepare
from .compare import Plans
from .judged import ours
from .stretch import stretch

STEADY = "always served"


def courses(
    requests: Replayed, plans: Plans, names: Sequence[str], *, bucket_s: int = 300
) -> pd.DataFrame:
    """Hit rates by bucket (index, UTC), a column per plan of *names* beside `always served`.

    requests   the log that *plans* were made from
    names      at least one; KeyError for a plan that is not among *plans*

    NaN where a bucket has no input. The steady rate is that of the first plan's versions.
    """
    migration, at = plans.migration, plans.days[-1]
    log = stretch(prepare(requests), migration, at).log
    found: dict[str, pd.Series] = {}
    for name in names:
        plan = plans.plan(name).cutover
        rows = ours(replay(log, migration.rules, plan, bucket_s=bucket_s).by_bucket, migration)
        sums = rows.drop(columns="model").groupby("bucket_start").sum().astype("float64")
        whole = sums["prompt_tokens"].where(sums["prompt_tokens"] > 0)
        found.setdefault(STEADY, sums["steady_hit_tokens"] / whole)
        found[name] = sums["hit_tokens"] / whole
    return pd.DataFrame(found)
