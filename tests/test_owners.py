"""Owners: which rule wins, what nobody owns, what is refused."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cacheaudit.cost import cost_of
from cacheaudit.errors import SchemaError
from cacheaudit.findings import findings_of
from cacheaudit.metrics import overall_metrics
from cacheaudit.owners import NOBODY, Owner, by_owner, check_owners, owned
from cacheaudit.params import PostmortemParams
from cacheaudit.postmortem import investigate
from cacheaudit.report import incident
from cacheaudit.report.terminal import triage
from cacheaudit.sources import fetch


def rules(*rows):
    return check_owners(pd.DataFrame(rows, columns=["scope", "route", "team", "service"]))


TEAMS = rules(
    ("support-chat", None, "Support", "chat"),
    ("support-*", None, "Support", None),
    (None, "key-batch", "Data", "nightly"),
    ("support-chat", "key-batch", "Support", "backfill"),
)


@pytest.mark.parametrize(
    ("cohort", "owner"),
    [
        (("support-chat", "key-1"), Owner("Support", "chat")),
        (("support-mail", None), Owner("Support", None)),
        (("search", "key-batch"), Owner("Data", "nightly")),
        (("support-mail", "key-batch"), Owner("Data", "nightly")),  # a key says more
        (("support-chat", "key-batch"), Owner("Support", "backfill")),  # both say most
        (("search", "key-1"), Owner(None, None)),
        ((None, None), Owner(None, None)),
    ],
)
def test_the_rule_that_names_more_wins(cohort, owner):
    assert TEAMS.of(*cohort) == owner


def test_a_row_without_scope_and_route_owns_the_rest():
    assert rules(("a", None, "A", None), (None, None, "Rest", None)).of("b", "c").team == "Rest"


def test_two_rules_that_say_the_same_much_and_differ_are_refused_by_their_rows():
    clash = rules(("sup*", None, "A", None), ("support*", None, "B", None))

    with pytest.raises(SchemaError, match=r"rows 1 and 2 .* 'A' and 'B'"):
        clash.of("support-chat", "key-1")
    assert rules(("sup*", None, "A", None), ("support*", None, "A", None)).of("support", None)[0]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"scope": ["a"], "team": [None]}, "team is empty in row 1"),
        ({"scope": ["a"], "owner": ["A"]}, "unknown columns .'owner'."),
        ({"team": ["A"]}, "expected team, and scope or route"),
        ({"scope": ["a*b"], "team": ["A"]}, "a star at the end alone"),
        ({"scope": ["a", "a"], "team": ["A", "A"]}, "rows 1 and 2"),
    ],
)
def test_a_table_that_is_none_is_refused(frame, message):
    with pytest.raises(SchemaError, match=message):
        check_owners(pd.DataFrame(frame, dtype="str"))


names = st.none() | st.sampled_from(["a", "b", "support-chat", "support-mail"])


@given(st.lists(st.tuples(names, names), max_size=20))
def test_owning_changes_no_row_and_names_nobody_without_a_rule(pairs):
    frame = pd.DataFrame(pairs, columns=["scope", "route"], dtype="str").assign(usd=1.0)
    with_owner = owned(frame, TEAMS)

    pd.testing.assert_frame_equal(with_owner[["scope", "route", "usd"]], frame)
    assert owned(frame, check_owners(pd.DataFrame({"scope": [], "team": []})))["team"].isna().all()
    assert Owner(None, None).name == NOBODY


def test_cost_and_requests_of_all_owners_are_those_of_the_usage():
    usage = fetch(PostmortemParams()).usage
    usd = cost_of(usage).usd
    span = (usage["bucket_start"].min(), usage["bucket_end"].max())
    rows = by_owner(usage, usd, rules(("support-chat", None, "Support", None)), {"all": span})
    days = (span[1] - span[0]) / pd.Timedelta("1D")

    assert rows["usd_per_day_all"].is_monotonic_decreasing
    assert rows["usd_per_day_all"].sum() * days == pytest.approx(usd.sum())
    assert rows["requests_all"].sum() == usage["requests"].sum()
    one = usage[usage["scope"] == "support-chat"]
    support = rows[rows["team"] == "Support"].iloc[0]
    assert support["rate_all"] == overall_metrics(one)["hit_rate"]


@pytest.fixture(scope="module")
def with_owners(tmp_path_factory):
    path = tmp_path_factory.mktemp("owners") / "owners.csv"
    path.write_text("scope,team,service\nsupport-chat,Support,chat\nclaims-*,Claims,\n", "utf-8")
    return investigate(PostmortemParams(owners_path=str(path)))


def test_a_report_names_the_owner_of_what_fell_and_its_bill(with_owners):
    text = "\n".join(piece.to_text() for piece in incident.impact(with_owners))

    assert "What fell is owned by Support: chat." in text
    assert NOBODY in text  # support-chat-eu: no rule names it, so nobody is blamed
    assert "Owned by Support: chat." in triage(with_owners)


def test_findings_carry_owners_and_the_bridge_is_shared_out_among_them(with_owners):
    found = findings_of(with_owners)
    factors = found["cost"]["factors"]
    whole = factors["cache_split"] + factors["write_lifetime"]

    assert sum(o["lost_cache_usd"] for o in found["owners"]) == pytest.approx(whole)
    assert [(c["scope"], c["team"], c["service"]) for c in found["cohorts"]] == [
        ("support-chat", "Support", "chat"),
        ("claims-review", "Claims", None),
        ("support-chat-eu", None, None),
    ]


def test_without_owners_the_report_says_nothing_of_them():
    found = investigate(PostmortemParams())

    assert "owne" not in "\n".join(piece.to_text() for piece in incident.impact(found))
    assert findings_of(found)["owners"] == []
