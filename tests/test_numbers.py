"""Every number that a page shows is a number of its findings.json, as words.py writes it."""

import html
import json
import re
from typing import Any

import pytest

from cacheaudit.params import PostmortemParams
from cacheaudit.readiness_params import ReadinessParams
from cacheaudit.rollout_params import WeeklyParams
from cacheaudit.run import Run, run_postmortem, run_readiness, run_weekly
from cacheaudit.words import cents, count, share, signed_usd, times, usd

pytestmark = pytest.mark.slow
KINDS = {
    "postmortem": lambda out: run_postmortem(PostmortemParams(), out),
    "weekly": lambda out: run_weekly(WeeklyParams(), out),
    "readiness": lambda out: run_readiness(ReadinessParams(), out),
}
WRITTEN = re.compile(
    r"-?\d[\d,]*(?:\.\d+)?(?:e-\d+)?\xa0USD|\d+(?:\.\d+)?\xa0%|\d+(?:\.\d+)?x\b"
    r"|\d{4}-\d\d-\d\d \d\d:\d\d|\b\d{1,3}(?:,\d{3})+(?:\.\d\d)?\b(?!\xa0USD)"
)
LEVEL = {"95\xa0%"}  # of an interval: no finding
RENDERED = ("headline", "summary")  # words of the page; they may not vouch for themselves


@pytest.fixture(params=KINDS)
def run(request, tmp_path) -> Run:
    return KINDS[request.param](tmp_path)


def forms(value: Any) -> set[str]:
    """Every way in which a page may write a number or a time of *value*, or one in its texts."""
    if isinstance(value, dict):
        return set().union(*(forms(one) for one in value.values()))
    if isinstance(value, list):
        return set().union(*(forms(one) for one in value))
    if isinstance(value, str):
        at = re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", value)
        return {at[0].replace("T", " ")} if at else set(WRITTEN.findall(value))
    if value is None or isinstance(value, bool):
        return set()
    ways = {write(float(value)) for write in (usd, share, times, count, cents, signed_usd)}
    return ways | {one.lstrip("+-") for one in ways}


def test_every_number_of_the_page_is_in_the_findings(run):
    page = run.report.read_text(encoding="utf-8")
    page = re.sub(r"<style>.*?</style>|base64,[A-Za-z0-9+/=]*", "", page, flags=re.S)
    shown = WRITTEN.findall(html.unescape(re.sub(r"<[^>]+>", " ", page)))
    told = json.loads((run.folder / "findings.json").read_text(encoding="utf-8"))
    known = forms({name: one for name, one in told.items() if name not in RENDERED}) | LEVEL

    assert len(shown) > 80
    assert sorted({one for one in shown if one not in known and one.lstrip("-") not in known}) == []
