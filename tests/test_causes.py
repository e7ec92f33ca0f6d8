"""Each contrast for and against, on cases built by hand; the catalogue; the scoring rule."""

import re
from dataclasses import replace
from typing import get_args

import pytest

from cacheaudit.causes import floors, given, timing, traffic, unit_cost, versions
from cacheaudit.causes.case import Case
from cacheaudit.causes.facts import Side
from cacheaudit.causes.hypothesis import SHAPES, Evidence, Hypothesis, Test, weigh
from cacheaudit.causes.pattern import Pattern, pattern_of
from cacheaudit.causes.rank import CATALOGUE, rank_causes, verdict_of
from cacheaudit.incidents import Alarm
from tests.cases import (
    GONE,
    HOUR,
    NAN,
    NOON,
    case,
    change,
    cohort,
    events,
    incident,
    kept,
    side,
    volume,
    went,
)

COST_ALARM = Alarm(
    measure="usd_per_request",
    cohort=None,
    start=NOON,
    start_low=NOON,
    start_high=NOON,
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
    (traffic.weights_moved, case(spared=(kept(),)), "against"),
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
