"""Causes in the rollout, at the provider, in the workload and in the measurement."""

from . import given, lengths, logged, reuse, timing, unit_cost
from . import traffic as t
from . import versions as v
from .hypothesis import Hypothesis
from .reasons import provider_says
from .reuse import lost_with

ROLLOUT = (
    Hypothesis(
        id="rollout.split_traffic",
        says="A ramp splits traffic over two caches, so each prefix is used less often on either.",
        patterns=frozenset({"rewriting", "rewritten_once"}),
        needs="a request log: gaps per version, and whether a session meets both",
        tests=(
            v.version_changed,
            timing.ramp_under_way,
            timing.outlasts_the_split,
            timing.split_starves_both,
            reuse.versions_alternate,
            provider_says("rollout.split_traffic"),
        ),
    ),
    Hypothesis(
        id="rollout.cold_rollback",
        says="The old version's entries had expired, so the way back is a second cold start.",
        patterns=frozenset({"rewritten_once"}),
        needs="usage by version around the rollback",
        tests=(
            timing.version_returned,
            timing.outlasts_a_lifetime,
            timing.healed_within_a_lifetime,
            lost_with("version"),
            provider_says("rollout.cold_rollback"),
        ),
    ),
)

PROVIDER = (
    Hypothesis(
        id="provider.regression",
        says="The provider evicts entries, or serves them worse, with nothing changed locally.",
        patterns=frozenset({"rewriting"}),
        needs="usage of unchanged traffic on the same model, a live probe, or the provider's"
        " status page for these hours",
        tests=(
            v.provider_spared_the_rest,
            t.unchanged_kept,
            t.other_models_kept,
            given.event_of("provider"),
            reuse.lost_without_a_mark,
            reuse.reuse_kept,
            provider_says("provider.regression"),
        ),
    ),
    Hypothesis(
        id="provider.alias_moved",
        says="A moving name, deployment or profile was pointed to another version.",
        patterns=frozenset({"rewritten_once", "rewriting", "gone", "uncached"}),
        needs="requested against served model names: usage or a request log with both",
        tests=(v.version_changed, v.version_unchanged, v.requested_name_kept),
    ),
    Hypothesis(
        id="provider.repriced",
        says="The price of a model that serves this traffic changed.",
        patterns=frozenset({"dearer"}),
        needs="the cost report of the same days",
        tests=(v.same_version_dearer, unit_cost.list_price_explains),
    ),
)

WORKLOAD = (
    Hypothesis(
        id="workload.sparser",
        says="There is less traffic per prefix, so gaps outlast the lifetime.",
        patterns=frozenset({"rewriting"}),
        needs="a request log: the gaps between uses of a prefix",
        tests=(t.traffic_thinned, v.only_moved_fell, reuse.gaps_grew, reuse.reuse_kept),
    ),
    Hypothesis(
        id="workload.shorter_sessions",
        says="More conversations end early, so a larger part of requests are first turns.",
        patterns=frozenset({"rewriting"}),
        needs="a request log with turn numbers",
        tests=(v.only_moved_fell, logged.turns_got_earlier),
    ),
    Hypothesis(
        id="workload.mix",
        says="Tenants or prompts with other hit rates gained weight.",
        patterns=frozenset(
            {"mixed", "rewriting", "more_requests", "more_output", "longer_prompts"}
        ),
        needs="usage grouped by key or workspace",
        tests=(t.weights_moved, v.only_moved_fell, logged.prefixes_reweighted),
    ),
    Hypothesis(
        id="workload.volume",
        says="There is more of the same traffic.",
        patterns=frozenset({"more_requests"}),
        needs="request counts, or distinct response ids from a log",
        tests=(unit_cost.cost_per_request_kept,),
    ),
    Hypothesis(
        id="workload.context_growth",
        says="Conversations or documents became longer.",
        patterns=frozenset({"longer_prompts"}),
        needs="a request log: the upper quantiles of prompt length",
        tests=(lengths.tail_grew,),
    ),
)

MEASUREMENT = (
    Hypothesis(
        id="measurement.fields_lost",
        says="The log no longer records the cache fields; the provider still caches.",
        patterns=frozenset({"gone"}),
        needs="the provider's own usage report of the same days",
        tests=(t.same_route_caches, t.length_kept, given.only_from_a_log),
    ),
    Hypothesis(
        id="measurement.double_count",
        says="Lines of a log are counted more than once.",
        patterns=frozenset({"more_requests", "longer_prompts"}),
        needs="distinct response ids, or the provider's own usage report",
        tests=(given.only_from_a_log, logged.calls_repeated),
    ),
    Hypothesis(
        id="measurement.field_renamed",
        says="A field was renamed or nested, and its absence is read as 0.",
        patterns=frozenset({"gone"}),
        needs="one raw payload from each side of the change",
        tests=(t.same_route_caches, t.length_kept, given.only_from_a_log),
    ),
    Hypothesis(
        id="measurement.stale_price",
        says="The tokens are right, and the price list is not: it is out of date, or a discount"
        " ended.",
        patterns=frozenset({"dearer"}),
        needs="the cost report of the same days, with list prices beside what was charged",
        tests=(unit_cost.charged_otherwise,),
    ),
    Hypothesis(
        id="measurement.incomplete_tail",
        says="The last buckets had not fully arrived when they were pulled.",
        patterns=frozenset({"gone", "uncached", "rewriting", "rewritten_once"}),
        needs="a second pull of the same window",
        tests=(given.in_the_tail,),
    ),
)

HYPOTHESES = (*ROLLOUT, *PROVIDER, *WORKLOAD, *MEASUREMENT)
