"""Rollout, provider, workload and measurement, each by its mechanism."""

from .classes import MISREAD, ONLY_NEW_MODEL, A, C, E, F, Ids, still
from .spoil import (
    cache_fields_lost,
    inclusive_read_as_exclusive,
    last_hours_late,
    lines_repeated,
    read_field_lost_inclusive,
    read_field_renamed,
    write_field_renamed,
)
from .story import EVERYTHING, FULL_LOG, Spoil, Story, T
from .traffic import agents, chat, desk, on, openai, shots, trio
from .world import GPT_52, OPUS_46, SONNET_45, Cohort, Version

SAME_CARD = Version(id="claude-opus-4-7", floor_tokens=2048)
FLAKY = Version(id=SONNET_45.id, missed=0.35)
LEAKY = Version(id=SONNET_45.id, leaf_missed=0.3)
STAYS: Ids = still(C)
CANARY = {"canary": SAME_CARD, "canary_by": "request"}


def stories() -> tuple[Story, ...]:
    """All of `rollout.*`, `provider.*`, `workload.*` and `measurement.*`."""
    return (*_rollout(), *_provider(), *_workload(), *_measurement())


def _rollout() -> tuple[Story, ...]:
    split, back = "rollout.split_traffic", "rollout.cold_rollback"
    old = on(agents(gap_s=40.0), OPUS_46)
    ramp = old.then(T, canary_share=0.15, **CANARY).then(T + 2, canary_share=0.5)
    ended = ramp.then(T + 4, version=SAME_CARD, canary=None, canary_share=0.0)
    hour = on(desk(), OPUS_46)
    returned = hour.then(T - 5, version=SAME_CARD).then(T, version=OPUS_46)
    events = ((T, "model", "rollback to claude-opus-4-6", None),)
    both: Ids = frozenset({split}) | ONLY_NEW_MODEL
    return (
        Story(name="split_traffic.usage", truth=split, cls=both, excess=True,
              cohorts=(ramp, on(chat(), OPUS_46))),
        Story(name="split_traffic.ended", truth=split, cls=both, excess=True,
              cohorts=(ended, on(chat(), OPUS_46))),
        Story(name="split_traffic.half", truth=split, cls=both, excess=True,
              cohorts=(old.then(T, canary_share=0.5, **CANARY),)),
        Story(name="split_traffic.log", truth=split, cls=frozenset({split}), identifiable=True,
              excess=True, cohorts=(ramp, on(chat(), OPUS_46)), log=FULL_LOG),
        Story(name="cold_rollback.usage", truth=back, cls=frozenset({back}), identifiable=True,
              excess=True, cohorts=(returned,)),
        Story(name="cold_rollback.5min_buckets", truth=back, cls=frozenset({back}),
              identifiable=True, excess=True, cohorts=(returned,), width="5min", events=events),
    )  # fmt: skip


def _provider() -> tuple[Story, ...]:
    worse, alias = "provider.regression", "provider.alias_moved"
    ours = trio()
    flaky = tuple(c.then(T, version=FLAKY) for c in ours)
    other = on(chat("billing-bot", route="edge-b"), OPUS_46)
    latest = "claude-opus-latest"
    named = {"labels": ("model_requested",)}
    hour = on(desk(), OPUS_46, requested=latest)
    brief = on(shots(), SONNET_45, requested="claude-latest")
    return (
        Story(name="regression.one_cohort", truth=worse, cls=STAYS, excess=True,
              cohorts=(flaky[0],)),
        Story(name="regression.contrast", truth=worse, cls=STAYS, excess=True,
              cohorts=(*flaky, other)),
        Story(name="regression.healed", truth=worse, cls=STAYS, excess=True,
              cohorts=tuple(c.then(T + 1.5, version=SONNET_45) for c in flaky)),
        Story(name="regression.leaf", truth=worse, cls=STAYS, excess=True,
              cohorts=(*(c.then(T, version=LEAKY) for c in ours), other)),
        Story(name="regression.log", truth=worse, cls=frozenset({worse}), identifiable=True,
              excess=True, cohorts=(*flaky, other), log=FULL_LOG),
        Story(name="alias_moved.cold", truth=alias, cls=frozenset({alias}), identifiable=True,
              excess=True, cohorts=(hour.then(T, version=SAME_CARD),), **named),
        Story(name="alias_moved.below_floor", truth=alias, cls=A | {alias}, excess=True,
              cohorts=(brief.then(T, version=OPUS_46),), **named),
        Story(name="alias_moved.log", truth=alias, cls=frozenset({alias}), identifiable=True,
              excess=True, cohorts=(hour.then(T, version=SAME_CARD),), log=EVERYTHING),
    )  # fmt: skip


def _workload() -> tuple[Story, ...]:
    sparse, short, mix = "workload.sparser", "workload.shorter_sessions", "workload.mix"
    volume, context = "workload.volume", "workload.context_growth"
    slower, briefer = agents().then(T, gap=6.0), agents().then(T, turns=0.25)
    poor = chat("ad-hoc", route="notebooks", single=0.9, opening_tokens=7000.0)
    swap = (agents().then(T, volume=0.4), poor.then(T, volume=4.0))
    more = tuple(c.then(T, volume=1.8) for c in trio())
    long = tuple(c.then(T, context=1.7) for c in (chat(), agents()))
    return (
        Story(name="sparser.usage", truth=sparse, cls=STAYS, cohorts=(slower, chat())),
        Story(name="sparser.log", truth=sparse, cls=frozenset({sparse}), identifiable=True,
              cohorts=(slower, chat()), log=FULL_LOG),
        Story(name="shorter_sessions.usage", truth=short, cls=STAYS | {"workload.context_growth"},
              cohorts=(briefer, chat())),
        Story(name="shorter_sessions.log", truth=short, cls=frozenset({short}),
              identifiable=True, cohorts=(briefer, chat()), log=FULL_LOG),
        Story(name="mix.between_cohorts", truth=mix, cls=frozenset({mix, volume}),
              cohorts=swap),
        Story(name="mix.within_cohort", truth=mix, cls=STAYS,
              cohorts=(chat().then(T, single=0.85), agents())),
        Story(name="volume.usage", truth=volume, cls=still(F), cohorts=more),
        Story(name="volume.one_cohort", truth=volume, cls=still(F) | {mix},
              cohorts=(chat().then(T, volume=2.5), agents())),
        Story(name="volume.log", truth=volume, cls=frozenset({volume}), identifiable=True,
              cohorts=more, log=FULL_LOG),
        Story(name="context_growth.usage", truth=context, cls=still(E), cohorts=long),
        Story(name="context_growth.log", truth=context, cls=frozenset({context}),
              identifiable=True, cohorts=long, log=FULL_LOG),
    )  # fmt: skip


def _misread(name: str, truth: str, spoil: Spoil, *cohorts: Cohort) -> Story:
    """The log is wrong, the provider's usage is right: reconciling names the measurement."""
    return Story(
        name=name, truth=truth, cls=MISREAD, cohorts=cohorts or trio(), log=FULL_LOG,
        spoil_log=spoil,
    )  # fmt: skip


def _measurement() -> tuple[Story, ...]:
    lost, twice = "measurement.fields_lost", "measurement.double_count"
    renamed, stale = "measurement.field_renamed", "measurement.stale_price"
    tail = "measurement.incomplete_tail"
    at_openai = openai(agents(), GPT_52)
    return (
        _misread("fields_lost.log", lost, cache_fields_lost),
        _misread("fields_lost.log_inclusive", lost, read_field_lost_inclusive, at_openai),
        _misread("double_count.log_inclusive", twice, inclusive_read_as_exclusive),
        _misread("double_count.log_lines", twice, lines_repeated),
        _misread("field_renamed.log_writes", renamed, write_field_renamed),
        _misread("field_renamed.log_reads", renamed, read_field_renamed),
        Story(name="fields_lost.from_log", truth=lost, cls=MISREAD, cohorts=trio(),
              spoil_log=cache_fields_lost, from_log=True),
        Story(name="double_count.from_log", truth=twice, cls=MISREAD | still(E), cohorts=trio(),
              spoil_log=inclusive_read_as_exclusive, from_log=True),
        Story(name="field_renamed.from_log", truth=renamed, cls=MISREAD, cohorts=trio(),
              spoil_log=write_field_renamed, from_log=True),
        Story(name="stale_price.cost", truth=stale, cls=frozenset({stale}), identifiable=True,
              cohorts=trio(), cost_factor=1.25),
        Story(name="incomplete_tail.usage", truth=tail, cls=frozenset({tail}), day=20.875,
              jitter_h=0, cohorts=trio(), spoil_usage=last_hours_late),
    )  # fmt: skip
