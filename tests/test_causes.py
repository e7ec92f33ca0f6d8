"""Each contrast for and against, on cases built by hand; the catalogue; the scoring rule."""

import re
from dataclasses import replace
from typing import Any, get_args

import pytest

from cacheaudit.causes import (
    floors,
    given,
    lengths,
    live,
    reuse,
    timing,
    traffic,
    unit_cost,
    versions,
)
from cacheaudit.causes import logged as logs
from cacheaudit.causes.case import Case
from cacheaudit.causes.facts import Side
from cacheaudit.causes.hypothesis import SHAPES, Evidence, Hypothesis, Test, weigh
from cacheaudit.causes.losses import COLUMN, Mark
from cacheaudit.causes.pattern import Pattern, pattern_of
from cacheaudit.causes.rank import CATALOGUE, rank_causes, verdict_of
from cacheaudit.causes.reasons import provider_says
from cacheaudit.incidents import Alarm, Incident
from cacheaudit.live import live_of
from cacheaudit.traffic.calls import GAPS
from tests.cases import (
    AFTER,
    BEFORE,
    GONE,
    HOUR,
    NAN,
    NOON,
    both,
    case,
    change,
    cohort,
    counts,
    events,
    incident,
    kept,
    logged,
    pair,
    side,
    volume,
    went,
)
from tests.lives import answer, document, moved, rates

COST_ALARM = Alarm(
    measure="usd_per_request",
    cohort=None,
    start=NOON,
    start_low=NOON,
    start_high=NOON,
    could_low=NOON,
    could_high=NOON,
    end=None,
    before=1.0,
    after=1.5,
    baseline=(NOON - 240 * HOUR, NOON),
    baseline_buckets=240,
    began_before=False,
)
UNMOVED = cohort("eu", GONE)
ROLLBACK = change(start=NOON + 10 * HOUR, to_model="claude-sonnet-4-5", returned=True)
HEALED = {"incident": incident(end=NOON + 10 * HOUR), "lasts_s": 36000.0, "after_move_s": 32400.0}
QUICK = {"incident": incident(end=NOON + 2 * HOUR), "lasts_s": 7200.0, "after_move_s": 3600.0}
SHORT_WRITES = side(write_5m_share=0.0)
LONGER = side(input_tokens_per_request=5600.0)
MIXED = case(affected=(), spared=(kept("a"), kept("b")), pattern="mixed")
COSTLIER = incident(measure="usd_per_request", before=1.0, after=1.5)
CHARGED = replace(COST_ALARM, measure="charged_ratio", after=1.25)
RAMP = change(end=NOON + 48 * HOUR)
SPLIT = side(0.4, input_tokens=1.4e6)  # half of its reads lost, on half of the traffic
PLAIN_LOSS = logged(pair("after", 1000, 0.5))
SAME_LOSS = logged(pair("after", 1000, 0.1))
ALL_ELSEWHERE = logged(pair("after", 500, 0), pair("after", 500, 1, where="version"))
HALF_ELSEWHERE = logged(
    pair("before", 800, 0.125), pair("before", 200, 0, where="version"),
    pair("after", 800, 0.375), pair("after", 200, 1, where="version"),
)  # fmt: skip
OLD_AND_NEW = {"where": "version", "head_same": False}
SOON, LATER, LATEST = GAPS[0], GAPS[2], GAPS[3]
GONE_LOG = {"pattern": "gone", "affected": (went(),), "incident": incident()}
MOVED_LOG = {"affected": (went(),)}


def gaps(*lost: tuple[str, int, float, int, float]) -> Case:
    """By gap: calls and the share lost before, and after."""
    groups = []
    for gap, calls, was, later, now in lost:
        groups += [pair("before", calls, was, gap=gap), pair("after", later, now, gap=gap)]
    return logged(*groups)


def reasons(**after: int) -> Case:
    """Reasons given for misses; 20 of each name before."""
    before = [(name, 20) for name in after]
    return logged(reasons=both("reasons", before, list(after.items())))


def markers(sent: int, of: int = 100, **on: Any) -> Case:
    """*sent* of the calls *of* the new model carry a marker, and all of the old one's."""
    rows = [(AFTER, AFTER, True, sent, 0), (AFTER, AFTER, False, of - sent, 0),
            (BEFORE, BEFORE, True, 500, 500)]  # fmt: skip
    return logged(served=both("served", [], rows), on={**GONE_LOG, **on})


def lengths_cached(short: int, under: int, cached: int) -> Case:
    """Of 100 calls *short* cached 2,000 tokens before, the others 9,000. Of 100 after *cached*
    cache, *under* of them 3,000 tokens: the minimum of the new model is 4,096."""
    before = [(BEFORE, 2000, short), (BEFORE, 9000, 100 - short)]
    after = [(AFTER, 3000, under), (AFTER, 9000, cached - under)]
    lengths = both("lengths", [(BEFORE, 100, 100, 1, 1, 1, 1)], [(AFTER, 100, cached, 1, 1, 1, 1)])
    return logged(cached=both("cached", before, after), lengths=lengths, on=MOVED_LOG)


def reads(before_step: int, after_step: int, several: int = 25) -> Case:
    """*several* lengths of reads: multiples of either step, of models old and new."""
    before = [(BEFORE, n * before_step, 9) for n in range(1, several + 1)]
    after = [(AFTER, n * after_step, 9) for n in range(1, several + 1)]
    return logged(reads=both("reads", before, [*after, (BEFORE, 1001, 9)]), on=MOVED_LOG)


def bands(table: str, *rows: tuple[int, int, int, float]) -> Case:
    """By band: input before, input after (100 tokens a call) and the share read, in both."""
    extra = (0,) if table == "turns" else ()
    was = [(b, n / 100, n, 0.8 * n if read < 0 else read * n, *extra) for b, n, _, read in rows]
    now = [(b, n / 100, n, abs(read) * n, *extra) for b, _, n, read in rows]
    return logged(**{table: both(table, was, now)})


def grew(p25: float, p50: float, p75: float, p90: float, calls: int = 500) -> Case:
    """Quantiles of prompt length, over a baseline of 1,000 at all of them."""
    was, now = [1000.0] * 4, [1000 * q for q in (p25, p50, p75, p90)]
    rows = [(BEFORE, calls, calls, *was)], [(AFTER, calls, calls, *now)]
    return logged(lengths=both("lengths", *rows), on=MOVED_LOG)


def counted(grown: Incident | None = None, **after: float) -> Case:
    """Counts of the log, where a rate fell, or where volume has *grown*."""
    on = None if grown is None else {"incident": grown, "pattern": "more_requests"}
    return logged(counts=counts(**after), on=on)


ISOLATED = "the new version read in 0 of 3, the old in 3"

CONTRASTS = [
    (versions.version_changed, case(), "for"),
    (versions.version_changed, case(affected=(UNMOVED,), changes=()), "decides against"),
    (versions.version_changed, case(versions_named=False), "blind"),
    (versions.version_unchanged, case(), None),
    (versions.version_unchanged, case(affected=(went(), UNMOVED)), "decides against"),
    (
        versions.version_unchanged,
        case(affected=(went(on_old=side(0.1), on_new=GONE),)),
        "decides against",
    ),
    (versions.version_unchanged, case(affected=(went(on_old=side(0.78), on_new=GONE),)), None),
    (versions.versions_side_by_side, case(affected=(went(on_old=side(0.79), on_new=GONE),)), "for"),
    (versions.versions_side_by_side, case(affected=(went(on_old=side(0.4), on_new=GONE),)), None),
    (versions.versions_side_by_side, case(), None),
    (versions.unmoved_kept, case(spared=(kept(),)), "for"),
    (versions.unmoved_kept, case(), None),
    (versions.only_moved_fell, case(spared=(kept(),)), "against"),
    (versions.only_moved_fell, case(affected=(went(), UNMOVED), spared=(kept(),)), None),
    (versions.provider_spared_the_rest, case(spared=(kept(),)), "decides against"),
    (versions.provider_spared_the_rest, case(affected=(UNMOVED,), spared=(kept(),)), None),
    (versions.same_client_still_caches, case(spared=(went("c", side()),)), "decides against"),
    (
        versions.same_client_still_caches,
        case(spared=(went("c", side(), route="other"),)),
        None,
    ),
    (versions.same_client_still_caches, case(spared=(kept(),)), None),
    (
        versions.same_model_still_caches,
        case(spared=(went("c", side(), route="other"),)),
        "decides against",
    ),
    (
        versions.same_model_still_caches,
        case(spared=(went("c", side(cached_tokens=1.3e6)),)),
        "against",
    ),
    (timing.outlasts_a_lifetime, case(), "decides against"),
    (timing.outlasts_a_lifetime, case(after_move_s=3900.0), None),
    (timing.outlasts_a_lifetime, case(after_move_s=3901.0), "decides against"),
    (timing.outlasts_a_lifetime, case(after_move_s=NAN), None),
    (timing.healed_within_a_lifetime, case(**QUICK), "for"),
    (timing.healed_within_a_lifetime, case(), None),
    (timing.healed_on_the_new_version, case(**HEALED), "decides against"),
    (
        timing.healed_on_the_new_version,
        case(**HEALED, all_changes=(change(), ROLLBACK)),
        "for",
    ),
    (timing.healed_on_the_new_version, case(), None),
    (timing.ramp_under_way, case(), "decides against"),
    (timing.ramp_under_way, case(changes=(change(end=NOON + 9 * HOUR),)), "for"),
    (timing.ramp_under_way, case(changes=(change(end=None, share=0.97),)), "decides against"),
    (timing.ramp_under_way, case(changes=(change(end=None, share=0.5),)), "for"),
    (timing.version_returned, case(changes=(change(returned=True),)), "for"),
    (timing.version_returned, case(), "decides against"),
    (
        timing.new_to_this_traffic,
        case(affected=(cohort(change=change(returned=True)),)),
        "against",
    ),
    (timing.new_to_this_traffic, case(), None),
    (live.measured_alike, moved(rates((0.9, 0.86, 0.93), (0.1, 0.05, 0.2))), "for"),
    (live.measured_alike, moved(rates((0.9, 0.86, 0.93), (0.91, 0.87, 0.94))), "decides against"),
    (live.measured_alike, moved(rates((0.9, 0.86, 0.93), (0.6, 0.2, 0.95))), "for"),
    (live.measured_alike, case(), None),
    (live.reproduced, moved(live_of(document(answer("isolation", "next", why=ISOLATED)))), "for"),
    (live.reproduced, case(), None),
    (floors.below_floor, case(), "for"),
    (
        floors.below_floor,
        case(affected=(went(before=side(cached_tokens=9e6)),)),
        "decides against",
    ),
    (floors.below_floor, case(affected=(went(before=side(cached_tokens=5e6)),)), "against"),
    (floors.below_floor, case(affected=(went(length_spread=0.5),)), None),
    (floors.below_floor, case(affected=(went(before=side(requests=NAN)),)), None),
    (floors.long_prefixes_kept, case(spared=(went("c", side(), before=side(cached_tokens=9e6)),)),
     "for"),
    (floors.long_prefixes_kept, case(spared=(went("c", side()),)), "against"),
    (floors.long_prefixes_kept, case(spared=(kept(),)), None),
    (floors.shorter_still_cached, case(spared=(went("c", side()),)), "decides against"),
    (floors.shorter_still_cached,
     case(spared=(went("c", side(), before=side(cached_tokens=2.7e6)),)), None),
    (floors.shorter_still_cached, case(spared=(kept(),)), None),
    (floors.shorter_still_cached, case(spared=(went("c", side()),), pattern="rewriting"), None),
    (traffic.same_route_caches, case(spared=(kept(),)), "against"),
    (traffic.same_route_caches, case(spared=(kept(),), coinciding=events()), "decides against"),
    (traffic.same_route_caches, case(spared=(kept(),), coinciding=events(scope="chat")), "against"),
    (traffic.same_route_caches, case(spared=(kept(route="other"),)), None),
    (traffic.same_route_caches, case(affected=(went(route=None),), spared=(kept(route=None),)),
     None),
    (traffic.other_routes_cache, case(spared=(kept(route="other"),)), "for"),
    (traffic.other_routes_cache, case(spared=(kept(),)), None),
    (traffic.stopped_on_the_same_version, case(affected=(UNMOVED,)), "for"),
    (traffic.stopped_on_the_same_version, case(), None),
    (traffic.length_kept, case(), "against"),
    (traffic.length_kept, case(affected=(went(after=replace(GONE, input_tokens_per_request=200)),)),
     None),
    (traffic.lifetimes_moved, case(affected=(cohort(before=SHORT_WRITES, after=side(0.3)),)),
     "for"),
    (traffic.lifetimes_moved, case(affected=(cohort(after=side(0.3)),)), "decides against"),
    (traffic.lifetimes_moved,
     case(affected=(cohort(before=SHORT_WRITES, after=side(0.3, write_5m_share=0.1)),)), None),
    (traffic.lifetimes_moved, case(lifetimes_reported=False), None),
    (traffic.traffic_thinned, case(affected=(cohort(volume_ratio=0.5),)), "for"),
    (traffic.traffic_thinned, case(affected=(cohort(volume_ratio=0.8),)), None),
    (traffic.traffic_thinned, case(), "against"),
    (traffic.weights_moved, MIXED, "for"),
    (traffic.weights_moved, case(affected=(went(), UNMOVED)), "decides against"),
    (traffic.weights_moved, case(spared=(kept(),)), "for"),  # said, at weight 0
    (traffic.weights_moved, case(), None),
    (traffic.unchanged_kept, case(affected=(cohort(),), spared=(kept(),)), "decides against"),
    (traffic.unchanged_kept, case(spared=(cohort("b", side(models=("gpt-5",))),)), None),
    (traffic.other_models_kept,
     case(affected=(cohort(),), spared=(cohort("b", side(models=("gpt-5",))),)), "for"),
    (traffic.other_models_kept, case(affected=(cohort(),), spared=(kept(),)), None),
    (traffic.scopes_stayed, case(), "decides against"),
    (traffic.scopes_stayed, case(new_scopes=("new",)), "for"),
    (unit_cost.cost_per_request_kept, case(incident=volume(), pattern="more_requests"), "for"),
    (unit_cost.cost_per_request_kept, case(incident=volume(COST_ALARM), pattern="more_requests"),
     "decides against"),
    (unit_cost.tokenizers_differ, case(affected=(went(after=LONGER),)), "decides against"),
    (unit_cost.tokenizers_differ, case(affected=(cohort(after=LONGER),)), None),
    (unit_cost.tokenizers_differ,
     case(affected=(cohort(
         after=side(input_tokens_per_request=3600.0),
         change=change(to_model="claude-opus-4-7")),)), "for"),
    (unit_cost.list_price_explains, case(list_price_ratio=1.67), "for"),
    (unit_cost.list_price_explains, case(list_price_ratio=NAN), None),
    (given.event_of("client"), case(coinciding=events()), "for"),
    (given.event_of("client"), case(coinciding=events("prompt")), None),
    (given.no_release_given, case(releases_given=3), "against"),
    (given.no_release_given, case(releases_given=3, coinciding=events()), None),
    (given.no_release_given, case(), None),
    (given.in_the_tail, case(ends_with_data=True), "for"),
    (given.in_the_tail, case(), "decides against"),
    (given.only_from_a_log, case(), "against"),
    (versions.same_version_dearer, case(incident=COSTLIER), "decides against"),
    (versions.same_version_dearer, case(affected=(went(), UNMOVED)), None),
    (versions.same_version_dearer, case(affected=(UNMOVED,)), None),
    (versions.same_version_dearer, case(versions_named=False), "blind"),
    (versions.requested_name_kept, case(requested_kept=True), "for"),
    (versions.requested_name_kept, case(), "against"),
    (versions.requested_name_kept, case(requested_kept=False), "decides against"),
    (versions.requested_name_kept, case(requested_kept=True, affected=(UNMOVED,)), None),
    (versions.moved_by_others, case(requested_kept=True), "decides against"),
    (versions.moved_by_others, case(requested_kept=False), None),
    (versions.moved_by_others, case(), None),
    (versions.moved_by_others, case(requested_kept=True, affected=(cohort(change=RAMP),)), None),
    (timing.outlasts_the_split, case(), "decides against"),
    (timing.outlasts_the_split, case(shared=True), None),
    (timing.outlasts_the_split,
     case(affected=(cohort(change=RAMP),), incident=incident(end=NOON + 49 * HOUR)), None),
    (timing.outlasts_the_split,
     case(affected=(cohort(change=RAMP),), incident=incident(end=NOON + 50 * HOUR)),
     "decides against"),
    (timing.split_starves_both, case(affected=(went(on_old=side(0.8, input_tokens=1.4e6),
                                                    on_new=SPLIT),)), "against"),
    (timing.split_starves_both, case(affected=(went(on_old=SPLIT, on_new=SPLIT),)), None),
    (timing.split_starves_both, case(affected=(went(on_old=side(0.8, input_tokens=1.4e7),
                                                    on_new=SPLIT),)), None),
    (timing.split_starves_both, case(), None),
    (unit_cost.charged_otherwise, case(incident=incident(alarms=(CHARGED,))), "for"),
    (unit_cost.charged_otherwise, case(incident=incident(alarms=(COST_ALARM,))), None),
    (unit_cost.list_price_explains, case(incident=COSTLIER, list_price_ratio=1.16),
     "decides against"),
    (unit_cost.list_price_explains, case(incident=COSTLIER, list_price_ratio=1.17), "for"),
    (reuse.lost_with("version"), ALL_ELSEWHERE, "for"),
    (reuse.lost_with("version"), HALF_ELSEWHERE, None),
    (reuse.lost_with("version"), PLAIN_LOSS, "decides against"),
    (reuse.lost_with("version"), SAME_LOSS, None),
    (reuse.lost_with("version"), case(), None),
    (reuse.head_changed_with_version,
     logged(pair("after", 500, 0), pair("after", 500, 1, **OLD_AND_NEW)), "for"),
    (reuse.head_changed_with_version, ALL_ELSEWHERE, None),
    (reuse.lost_after_same_gap, gaps((SOON, 500, 0, 500, 0), (LATER, 500, 0.2, 500, 1)), "for"),
    (reuse.lost_after_same_gap, gaps((SOON, 500, 0, 500, 0.8), (LATER, 500, 0.2, 500, 0.2)),
     "decides against"),
    (reuse.lost_after_same_gap, gaps((SOON, 500, 0, 500, 0), (LATEST, 500, 0.2, 500, 1)),
     "decides against"),
    (reuse.lost_after_same_gap, gaps((LATER, 500, 0, 500, 0.4), (LATEST, 500, 0.2, 500, 0.6)),
     None),
    (reuse.lost_after_same_gap, SAME_LOSS, None),
    (reuse.gaps_grew, gaps((SOON, 900, 0, 500, 0), (LATEST, 100, 1, 500, 1)), "for"),
    (reuse.gaps_grew, PLAIN_LOSS, "decides against"),
    (reuse.gaps_grew, gaps((SOON, 900, 0, 700, 0.2857), (LATEST, 100, 1, 300, 1)), None),
    (reuse.gaps_grew, SAME_LOSS, None),
    (reuse.versions_alternate, ALL_ELSEWHERE, "for"),
    (reuse.versions_alternate,
     logged(pair("after", 500, 0), pair("after", 500, 1, entry_gap=LATER)), "for"),
    (reuse.versions_alternate, PLAIN_LOSS, "decides against"),
    (reuse.versions_alternate, HALF_ELSEWHERE, None),
    (reuse.versions_alternate, SAME_LOSS, None),
    (reuse.lost_without_a_mark, PLAIN_LOSS, "for"),
    (reuse.lost_without_a_mark,
     logged(pair("before", 500, 0.1), pair("before", 500, 0.1, overlaps=True),
            pair("after", 500, 0.1), pair("after", 500, 0.9, overlaps=True)), "decides against"),
    (reuse.lost_without_a_mark, gaps((SOON, 500, 0.1, 500, 0.1), (LATER, 500, 0.1, 500, 0.9)),
     "decides against"),
    (reuse.lost_without_a_mark, HALF_ELSEWHERE, None),
    (reuse.lost_without_a_mark, SAME_LOSS, None),
    (reuse.head_survives, logged(pair("after", 1000, 0.5, partial=0.7)), "for"),
    (reuse.head_survives, logged(pair("after", 1000, 0.5, partial=0.3)), "against"),
    (reuse.head_survives, logged(pair("after", 1000, 0.5, partial=0.5)), None),
    (reuse.head_survives, ALL_ELSEWHERE, None),
    (reuse.head_survives, SAME_LOSS, None),
    (reuse.missed_every_time, logged(pair("after", 1000, 0.9)), "for"),
    (reuse.missed_every_time, logged(pair("after", 1000, 0.89)), None),
    (reuse.missed_every_time, SAME_LOSS, None),
    (reuse.reuse_kept, SAME_LOSS, "decides against"),
    (reuse.reuse_kept, PLAIN_LOSS, None),
    (reuse.reuse_kept, logged(pair("after", 1000, 0.1), on={"incident": volume()}), None),
    (reuse.reuse_kept, case(), None),
    (provider_says("client.tools_churn"), reasons(tools_changed=90, model_changed=30), "for"),
    (provider_says("client.tools_churn"), reasons(model_changed=90, tools_changed=20),
     "decides against"),
    (provider_says("client.tools_churn"), reasons(tools_changed=80, model_changed=60), None),
    (provider_says("client.tools_churn"), reasons(previous_message_not_found=100), None),
    (provider_says("client.tools_churn"), reasons(unavailable=100), "decides against"),
    (provider_says("client.parameter_changed"), reasons(unavailable=100), None),
    (provider_says("client.tools_churn"), reasons(tools_changed=20), None),
    (provider_says("client.tools_churn"), reasons(tools_changed=29), None),
    (provider_says("client.tools_churn"), PLAIN_LOSS, None),
    (logs.markers_sent, markers(0), "for"),
    (logs.markers_sent, markers(100), "decides against"),
    (logs.markers_sent, markers(50), None),
    (logs.markers_sent, markers(0, of=29), None),
    (logs.markers_sent, markers(0, pattern="rewriting"), None),
    (logs.markers_missing, markers(5), "decides against"),
    (logs.markers_missing, markers(6), None),
    (logs.markers_missing, markers(0, pattern="rewriting"), None),
    (logs.markers_missing, case(), None),
    (lengths.floor_in_the_log, lengths_cached(short=40, under=0, cached=60), "for"),
    (lengths.floor_in_the_log, lengths_cached(short=40, under=10, cached=60), "decides against"),
    (lengths.floor_in_the_log, lengths_cached(short=40, under=0, cached=50), "decides against"),
    (lengths.floor_in_the_log, lengths_cached(short=100, under=0, cached=0), None),
    (lengths.floor_in_the_log, SAME_LOSS, None),
    (lengths.floor_in_the_log, case(), None),
    (lengths.reads_in_blocks, reads(37, 1536), "for"),
    (lengths.reads_in_blocks, reads(37, 128), "decides against"),
    (lengths.reads_in_blocks, reads(1536, 1536), None),
    (lengths.reads_in_blocks, reads(37, 1536, several=19), None),
    (lengths.reads_in_blocks, case(), None),
    (logs.turns_got_earlier, bands("turns", (0, 20_000, 60_000, 0.0), (1, 80_000, 40_000, 0.9)),
     "for"),
    (logs.turns_got_earlier, bands("turns", (0, 50_000, 50_000, -0.4), (1, 50_000, 50_000, -0.5)),
     "decides against"),
    (logs.turns_got_earlier, bands("turns", (0, 50_000, 50_000, 0.0), (1, 50_000, 50_000, 0.9)),
     None),
    (logs.turns_got_earlier, bands("turns", (0, 50_000, 50_000, -0.4)), None),
    (logs.turns_got_earlier, bands("turns", (0, 2_000, 500, -0.4), (1, 800, 2_000, -0.4)), None),
    (logs.turns_got_earlier, case(), None),
    (logs.prefixes_reweighted,
     bands("prefixes", (0, 80_000, 40_000, 0.9), (1, 20_000, 60_000, 0.2)), "for"),
    (logs.prefixes_reweighted,
     bands("prefixes", (0, 50_000, 50_000, -0.4), (1, 50_000, 50_000, -0.3)), "against"),
    (logs.prefixes_reweighted,
     bands("prefixes", (0, 90_000, 10_000, 0.9), (1, 10_000, 90_000, 0.2)), None),
    (logs.prefixes_reweighted, case(), None),
    (lengths.one_factor, grew(1.3, 1.3, 1.32, 1.34), "for"),
    (lengths.one_factor, grew(1.0, 1.0, 1.2, 1.5), "decides against"),
    (lengths.one_factor, grew(1.0, 1.0, 1.0, 1.0), None),
    (lengths.one_factor, grew(1.3, 1.3, 1.3, 1.3, calls=299), None),
    (lengths.one_factor, case(), None),
    (lengths.tail_grew, grew(1.0, 1.1, 1.2, 1.5), "for"),
    (lengths.tail_grew, grew(1.3, 1.3, 1.3, 1.3), "decides against"),
    (lengths.tail_grew, grew(1.0, 1.0, 1.0, 1.0), None),
    (lengths.tail_grew, grew(1.5, 1.2, 1.0, 1.0), None),
    (logs.prefixes_are_new, counted(new_prefix=700), "for"),
    (logs.prefixes_are_new, counted(new_prefix=690), None),
    (logs.prefixes_are_new, counted(new_prefix=1000, prefixes=21), None),
    (logs.prefixes_are_new, case(), None),
    (logs.prefixes_scatter, counted(prefixes=500), "for"),
    (logs.prefixes_scatter, counted(prefixes=499), None),
    (logs.prefixes_scatter, counted(with_prefix=29, prefixes=29), None),
    (logs.prefixes_scatter, case(), None),
    (logs.calls_repeated, counted(request_ids=890), "for"),
    (logs.calls_repeated, counted(request_ids=910), "decides against"),
    (logs.calls_repeated, counted(with_id=29), None),
    (logs.calls_repeated, case(), None),
    (logs.turns_per_task, counted(volume(), conversations=50), "for"),
    (logs.turns_per_task, counted(volume(), calls=2000, conversations=200), "against"),
    (logs.turns_per_task, counted(volume(), conversations=66), None),
    (logs.turns_per_task, counted(volume(), conversations=29), None),
    (logs.turns_per_task, counted(conversations=50), None),  # a rate fell, not a volume
]  # fmt: skip


def direction(found: Evidence | None) -> str | None:
    if found is None:
        return None
    if found.blind:
        return "blind"
    if found.decisive:
        return "decides against"
    return "against" if found.against else "for"


@pytest.mark.parametrize(("test", "on", "expected"), CONTRASTS)
def test_a_contrast_speaks_for_against_or_not_at_all(test: Test, on: Case, expected: str | None):
    assert direction(test(on)) == expected


def test_every_contrast_of_the_catalogue_is_tried_above():
    tried = {test.__name__ for test, _, _ in CONTRASTS}
    used = {test.__name__ for h in CATALOGUE for test in h.tests}

    assert used <= tried


@pytest.mark.parametrize(("test", "on", "expected"), CONTRASTS)
def test_a_contrast_speaks_in_whole_sentences(test: Test, on: Case, expected: str | None):
    found = test(on)
    text = "A." if found is None else found.text

    assert re.fullmatch(r"[A-Za-z0-9].*[.]", text)
    assert "nan" not in text.lower().split()
    assert "not known" not in text
    assert "None" not in re.sub(r"None of the \d", "", text)


def marked(mark: Mark, *, logs_it: bool = True) -> Case:
    """All that is lost beyond a tenth is lost in calls with *mark*."""
    column, value = COLUMN[mark]
    unknown = {} if logs_it else {column: None}
    rows = [
        pair("before", 900, 0.1, **unknown),
        pair("before", 100, 0.1, **{column: value} | unknown),
        pair("after", 500, 0.1, **unknown),
        pair("after", 500, 0.9, **{column: value} | unknown),
    ]
    return logged(*rows)


@pytest.mark.parametrize("mark", COLUMN)
def test_each_mark_speaks_for_its_cause_and_against_the_others(mark: Mark):
    """Lost with the mark: 0.45 of all, 0.01 before; the rise is 0.4, so the part is past 1."""
    on = marked(mark)

    for other in COLUMN:
        found = reuse.lost_with(other)(on)
        assert direction(found) == ("for" if other == mark else "decides against")
    own = reuse.lost_with(mark)(on)
    assert own is not None
    assert reuse.SAID[mark] in own.text
    assert "100\u00a0%" in own.text
    assert own.weight == reuse.DIRECT


@pytest.mark.parametrize("mark", COLUMN)
def test_a_mark_that_is_not_logged_says_nothing(mark: Mark):
    assert reuse.lost_with(mark)(marked(mark, logs_it=False)) is None


def test_a_mix_within_a_cohort_that_cannot_be_seen_weighs_nothing():
    found = traffic.weights_moved(case(spared=(kept(),)))

    assert found is not None
    assert not found.against
    assert found.weight == 0


def test_a_small_part_of_the_fall_does_not_name_its_cause():
    """The rate fell by 0.4, re-use by 0.11: what the log shows is not what made the fall."""
    little = logged(pair("after", 1000, 0.21))

    assert reuse.lost_without_a_mark(little) is None
    assert reuse.lost_without_a_mark(logged(pair("after", 1000, 0.23))) is not None
    assert direction(reuse.reuse_kept(little)) == "decides against"


def test_an_alias_that_moved_at_once_weighs_more_than_one_in_steps():
    at_once = {"pattern": "rewritten_once", "requested_kept": True}
    found = [
        versions.requested_name_kept(case(**at_once, affected=(cohort(change=c),)))
        for c in (change(), RAMP)
    ]

    assert [e.weight for e in found if e] == [4, 2]


def test_only_evidence_against_decides():
    for test, on, _ in CONTRASTS:
        found = test(on)
        assert found is None or found.against or not found.decisive


@pytest.mark.parametrize("hypothesis", CATALOGUE, ids=lambda h: h.id)
def test_each_hypothesis_says_what_it_is_where_it_shows_and_what_would_decide(
    hypothesis: Hypothesis,
):
    family, name = hypothesis.id.split(".")

    assert family in {"model", "client", "rollout", "provider", "workload", "measurement"}
    assert re.fullmatch(r"[a-z_]+", name)
    assert re.fullmatch(r"[A-Z].*[.]", hypothesis.says)
    assert hypothesis.needs
    assert not hypothesis.needs.endswith(".")
    assert hypothesis.patterns
    assert hypothesis.patterns <= set(get_args(Pattern)) - {"unclear"}


def test_ids_are_unique():
    assert len({h.id for h in CATALOGUE}) == len(CATALOGUE)


def test_ids_are_a_family_and_a_name():
    families = {"model", "client", "rollout", "provider", "workload", "measurement"}

    assert {h.family for h in CATALOGUE} == families
    assert all(re.fullmatch(r"[a-z]+\.[a-z_]+", h.id) for h in CATALOGUE)


def test_every_shape_has_words():
    assert set(SHAPES) == set(get_args(Pattern))


def test_another_shape_rules_out_and_says_what_it_would_have_been():
    price = next(h for h in CATALOGUE if h.id == "model.price")
    weighed = weigh(price, case())

    assert not weighed.stands
    assert [e.text for e in weighed.evidence] == [
        "The data shows nothing read and nothing written any more; this cause would show the same"
        " tokens at a higher price."
    ]


def test_a_lead_of_one_shares_and_a_lead_of_two_decides():
    """Moved against not moved is one piece of evidence; a length contrast is the second."""
    alone = rank_causes(case())
    contrast = rank_causes(case(spared=(kept(), went("c", side(), before=side(cached_tokens=9e6)))))

    assert {c.id for c in alone if c.standing == "leading"} == {
        "model.below_minimum",
        "model.unrecognised_id",
        "model.cache_semantics",
        "model.serving",
        "client.markers_dropped",
    }
    assert [c.id for c in contrast if c.standing == "leading"] == ["model.below_minimum"]


def test_a_release_that_harmed_nobody_else_it_reached_carries_no_weight():
    client = given.event_of("client")
    for_all = client(case(coinciding=events(), spared=(kept(),)))
    for_one = client(case(coinciding=events(scope="chat"), spared=(kept(),)))
    unseen = client(case(coinciding=events(), spared=(kept(route="other"),)))

    assert [e.weight for e in (for_all, for_one, unseen) if e] == [0, 2, 2]


def test_a_leader_by_elimination_is_not_identified():
    output = case(
        incident=incident(measure="usd_per_request", before=1.0, after=2.0),
        affected=(cohort(after=side(output_tokens=8e5)),),
        pattern="more_output",
        changes=(),
        all_changes=(),
    )
    causes = rank_causes(output)

    assert [c.id for c in causes if c.standing == "leading"] == ["workload.mix"]
    assert verdict_of(causes, output) == "narrowed"


def test_what_could_not_be_tested_keeps_a_leader_from_being_identified():
    seen = case(
        affected=(cohort(before=SHORT_WRITES, after=side(0.3)),), pattern="rewriting", changes=()
    )
    unseen = replace(seen, versions_named=False)

    assert verdict_of(rank_causes(seen), seen) == "identified"
    assert verdict_of(rank_causes(unseen), unseen) == "narrowed"


def test_two_coinciding_changes_that_both_lead_are_not_identifiable():
    both = case(coinciding=events())

    assert verdict_of(rank_causes(both), both) == "not_identifiable"
    assert verdict_of(rank_causes(case()), case()) == "narrowed"


def test_a_change_of_no_one_shape_is_not_identifiable():
    shapeless = case(pattern="unclear")

    assert verdict_of(rank_causes(shapeless), shapeless) == "not_identifiable"


def test_causes_are_plain_data_for_findings():
    row = rank_causes(case())[0].to_dict()

    assert {
        "id",
        "standing",
        "share_of_excess",
        "evidence_for",
        "evidence_against",
        "needs",
    } <= set(row)


@pytest.mark.parametrize(
    ("after", "persists", "expected"),
    [
        (GONE, True, "gone"),
        (side(0.01, write_share=0.01, uncached_share=0.98), True, "gone"),
        (side(0.4, write_share=0.13, uncached_share=0.47), True, "uncached"),
        (side(0.1), True, "rewriting"),
        (side(0.1), False, "rewritten_once"),
        (side(0.4, write_share=0.33, uncached_share=0.27), True, "unclear"),
    ],
)
def test_the_pattern_says_where_the_lost_reads_went(after: Side, persists: bool, expected: Pattern):
    found = pattern_of(
        incident(), (cohort(after=after),), (), persists=persists, list_price_ratio=1.0
    )

    assert found == expected


@pytest.mark.parametrize(
    ("after", "ratio", "expected"),
    [
        (side(), 2.0, "dearer"),
        (side(output_tokens=6e5), 1.0, "more_output"),
        (side(input_tokens=5.6e6), 1.0, "longer_prompts"),
        (side(), 1.0, "unclear"),
        (side(requests=NAN, output_tokens=6e5), 1.0, "more_output"),
    ],
)
def test_the_pattern_says_what_made_a_request_dearer(after: Side, ratio: float, expected: Pattern):
    rise = incident(measure="usd_per_request", before=1.0, after=2.0)
    found = pattern_of(rise, (cohort(after=after),), (), persists=True, list_price_ratio=ratio)

    assert found == expected
