"""Causes that lie in the model version itself."""

from . import floors, lengths, live, logged, reuse, timing, unit_cost
from . import versions as v
from .hypothesis import Hypothesis
from .reasons import provider_says
from .reuse import lost_with

# What every model.* hypothesis must survive: it moved, and who did not move is fine.
MOVED = (v.version_changed, v.version_unchanged, v.versions_side_by_side, v.unmoved_kept)
STAYS = (*MOVED, timing.healed_on_the_new_version)  # a fault of the version stays while it serves

HYPOTHESES = (
    Hypothesis(
        id="model.below_minimum",
        says="The prefixes are shorter than the new model's minimum, so nothing is cached and no"
        " error is given.",
        patterns=frozenset({"gone", "uncached"}),
        needs="a live probe that pads one of these prefixes above the minimum and sends it twice,"
        " or a cohort with longer prefixes that moved as well",
        tests=(
            *STAYS,
            floors.below_floor,
            floors.long_prefixes_kept,
            floors.shorter_still_cached,
            lengths.floor_in_the_log,
            logged.markers_missing,
            live.measured_alike,
        ),
    ),
    Hypothesis(
        id="model.cold_start",
        says="Caches are keyed per model: after the switch every live prefix is written once more.",
        patterns=frozenset({"rewritten_once"}),
        needs="a request log with prefix hashes around the cutover, or the times of client and"
        " prompt releases",
        tests=(
            *MOVED,
            timing.outlasts_a_lifetime,
            timing.healed_within_a_lifetime,
            timing.new_to_this_traffic,
            v.moved_by_others,
            lost_with("version"),
            provider_says("model.cold_start"),
            live.reproduced,
        ),
    ),
    Hypothesis(
        id="model.unrecognised_id",
        says="A framework decides by the model's name whether to send cache markers, and does not"
        " know this one.",
        patterns=frozenset({"gone"}),
        needs="one request body as sent to the new model: does it carry cache markers?",
        tests=(*STAYS, v.same_client_still_caches, logged.markers_sent),
    ),
    Hypothesis(
        id="model.cache_semantics",
        says="The new model caches by other rules, so requests as they are sent no longer hit.",
        patterns=frozenset({"gone", "rewriting"}),
        needs="a live probe of the new model with and without a cache marker or key",
        tests=(
            *STAYS,
            v.same_client_still_caches,
            logged.markers_missing,
            reuse.lost_without_a_mark,
            provider_says("model.cache_semantics"),
            live.measured_alike,
        ),
    ),
    Hypothesis(
        id="model.serving",
        says="The new model is served in a way that caches nothing, or only in large blocks.",
        patterns=frozenset({"gone", "uncached", "rewriting"}),
        needs="a request log (are reads multiples of a block?), or a probe over prefix lengths",
        tests=(
            *STAYS,
            v.same_model_still_caches,
            logged.markers_missing,
            lengths.reads_in_blocks,
            reuse.lost_without_a_mark,
            live.measured_alike,
        ),
    ),
    Hypothesis(
        id="model.worse_caching",
        says="The provider caches this model worse than the one before.",
        patterns=frozenset({"rewriting"}),
        needs="an interleaved live probe of the same bodies on both models",
        tests=(
            *STAYS,
            v.same_client_still_caches,
            v.same_model_still_caches,
            reuse.lost_without_a_mark,
            provider_says("model.worse_caching"),
            live.measured_alike,
        ),
    ),
    Hypothesis(
        id="model.tokenizer",
        says="The new model makes more tokens of the same text.",
        patterns=frozenset({"longer_prompts"}),
        needs="a token count of the same text on both models",
        tests=(*MOVED[:2], unit_cost.tokenizers_differ, lengths.one_factor),
    ),
    Hypothesis(
        id="model.price",
        says="The new model has another price card.",
        patterns=frozenset({"dearer"}),
        needs="the cost report of the same days",
        tests=(*MOVED[:2], unit_cost.list_price_explains),
    ),
    Hypothesis(
        id="model.output_growth",
        says="The new model answers at greater length, or takes more turns for a task.",
        patterns=frozenset({"more_output", "more_requests"}),
        needs="a request log with tasks or sessions: output and turns for the same kind of task",
        tests=(*MOVED[:2], logged.turns_per_task),
    ),
)
