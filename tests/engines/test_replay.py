"""Replays of one log on DuckDB, PostgreSQL and Spark: the same sums, to the token."""

import pandas as pd
import pytest

from cacheaudit.replaying import Cutover, Prefill, Rules, replay
from tests.engines.hostile import in_postgres, in_spark
from tests.engines.postgres import ZONE
from tests.replays import at

ENGINES = ["postgres", "spark", f"spark in {ZONE}"]
RULES = {
    "old": Rules(ttl_s=300),
    "new": Rules(ttl_s=300, min_tokens=700, block_tokens=128, ready_s=3, token_ratio=1.3),
}
PLANS = {
    "none": None,
    "straight": Cutover(at=at(1500), to="new"),
    "by request": Cutover(at=at(1500), to="new", split_by="request",
                          steps=((at(600), 0.1), (at(1500), 1.0))),
    "by session": Cutover(at=at(1500), to="new", steps=((at(600), 0.3), (at(1500), 1.0))),
    "by new session": Cutover(at=at(1500), to="new", split_by="new_session", rollback_at=at(2000)),
    "spread": Cutover(at=at(1500), to="new", split_by="spread",
                      steps=((at(600), 0.1), (at(1500), 1.0))),
    "by prefix": Cutover(at=at(1500), to="new", split_by="prefix",
                         steps=((at(600), 0.5), (at(1500), 1.0))),
    "prefill": Cutover(at=at(1500), to="new", prefill=Prefill(prefixes=5, lead_s=600)),
}  # fmt: skip


def frame() -> pd.DataFrame:
    """3,000 calls in an hour: prefixes that come at all gaps, conversations that grow."""
    rows = []
    for n in range(3000):
        prefix, talk = n * n % 11, n * 7 % 160
        rows.append(
            {
                "ts": at(n * 1.2 + prefix / 1000),
                "prefix_id": None if n % 17 == 0 else f"p{prefix}",
                "session_id": None if n % 13 == 0 else f"s{talk}",
                "scope": f"w{prefix % 2}",
                "request_id": f"r{n}",
                "prefix_tokens": 600 + 100 * prefix,
                "prompt_tokens": 2000 + n,
            }
        )
    made = pd.DataFrame(rows).assign(provider="anthropic", model="old")
    return made.assign(ts=pd.to_datetime(made["ts"], utc=True).dt.as_unit("us"))


@pytest.fixture(scope="module", params=ENGINES)
def elsewhere(request):
    name, _, zone = request.param.partition(" in ")
    server = request.getfixturevalue(name)
    return {"postgres": in_postgres, "spark": in_spark}[name](frame(), server, zone)


@pytest.mark.parametrize("name", PLANS)
def test_a_replay_is_the_same_on_every_engine(elsewhere, name):
    here, there = replay(frame(), RULES, PLANS[name]), replay(elsewhere, RULES, PLANS[name])

    pd.testing.assert_frame_equal(here.by_bucket, there.by_bucket)
    assert here.sent == there.sent
    assert here.hit_tokens > 0
