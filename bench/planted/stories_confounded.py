"""Confounders: what happened near the cause, and was not it."""

from .classes import A, C, F, Ids, still
from .story import FULL_LOG, Story, T
from .traffic import agents, chat, desk, on, shots, trio
from .world import OPUS_46, SONNET_45, Version

SAME_CARD = Version(id="claude-opus-4-7", floor_tokens=2048)  # priced and counted as OPUS_46
FLAKY_OPUS = Version(id="claude-opus-4-6", missed=0.35, floor_tokens=4096)
BOTH = frozenset({"model", "client"})
STAYS: Ids = still(C)
DEPLOY = (T, "model", "claude-opus-4-6", None)
RELEASE = (T + 0.01, "client", "client 2.5.0", None)
NEW_CLIENT = {"client_version": "2.5.0"}
VERSIONED = ("client_version",)


def stories() -> tuple[Story, ...]:
    """Two things at once, or one after the other."""
    return (*_same_hour(), *_weeks_apart(), *_workload_and_version())


def _same_hour() -> tuple[Story, ...]:
    floor, markers = "model.below_minimum", "client.markers_dropped"
    short, twin, third = shots(), shots("classify-eu", route="edge-eu"), shots("triage")
    fleet = (on(chat(), SONNET_45), agents())
    silent = {"version": OPUS_46, "markers": "none", **NEW_CLIENT}
    hour = on(desk(), OPUS_46)
    return (
        Story(name="confounded.floor_and_release", truth=floor, cls=A, kinds=BOTH, excess=True,
              cohorts=tuple(c.then(T, version=OPUS_46, **NEW_CLIENT) for c in (short, twin)),
              events=(DEPLOY, RELEASE), labels=VERSIONED),
        Story(name="confounded.floor_and_release_contrast", truth=floor, cls=frozenset({floor}),
              identifiable=True, excess=True, events=(DEPLOY, RELEASE), labels=VERSIONED,
              cohorts=(short.then(T, version=OPUS_46, **NEW_CLIENT),
                       twin.then(T, version=OPUS_46), third.then(T, **NEW_CLIENT),
                       shots("long", prefixes_tokens=(6000,)).then(T, version=OPUS_46))),
        Story(name="confounded.markers_and_migration", truth=markers, cls=A, kinds=BOTH,
              excess=True, cohorts=tuple(c.then(T, **silent) for c in fleet),
              events=(DEPLOY, RELEASE), labels=VERSIONED),
        Story(name="confounded.markers_and_migration_contrast", truth=markers,
              cls=frozenset({markers}), identifiable=True, excess=True,
              events=(DEPLOY, RELEASE), labels=VERSIONED,
              cohorts=(fleet[0].then(T, **silent), fleet[1].then(T, version=OPUS_46),
                       chat("help-center").then(T, markers="none", **NEW_CLIENT))),
        Story(name="confounded.cold_start_and_edit", truth="model.cold_start", kinds=BOTH,
              cls=frozenset({"model.cold_start", "client.prefix_changed"}), excess=True,
              cohorts=(hour.then(T, version=SAME_CARD, edition=1),),
              events=((T, "model", "claude-opus-4-7", None),
                      (T, "prompt", "new system prompt", None))),
        Story(name="confounded.rewriting_and_migration", truth="client.history_rewritten",
              cls=C, kinds=BOTH, excess=True, events=((T, "model", "claude-opus-4-7", None),
                                                      RELEASE), labels=VERSIONED,
              cohorts=(on(agents(), OPUS_46).then(T, version=SAME_CARD, rewrite_every=3,
                                                  **NEW_CLIENT),)),
    )  # fmt: skip


def _weeks_apart() -> tuple[Story, ...]:
    old = tuple(on(c, OPUS_46) for c in trio())
    moved_before = tuple(c.then(T - 7, version=SAME_CARD) for c in old)
    clock, history = "client.prefix_volatile", "client.history_rewritten"
    markers, worse = "client.markers_dropped", "provider.regression"
    was_moved = ((T - 7, "model", "claude-opus-4-7", None),)
    late = ((T + 5, "model", "claude-opus-4-7", None),)
    flaky_new = Version(id=SAME_CARD.id, floor_tokens=2048, missed=0.35)
    return (
        Story(name="confounded.clock_after_migration", truth=clock, cls=STAYS, excess=True,
              cohorts=tuple(c.then(T, clock_s=0.001) for c in moved_before), events=was_moved),
        Story(name="confounded.rewriting_after_migration", truth=history, cls=STAYS, excess=True,
              cohorts=tuple(c.then(T, rewrite_every=3) for c in moved_before)),
        Story(name="confounded.markers_after_migration", truth=markers,
              cls=frozenset({markers}), excess=True, events=was_moved,
              cohorts=tuple(c.then(T, markers="none") for c in moved_before)),
        Story(name="confounded.regression_after_migration", truth=worse, cls=STAYS, excess=True,
              cohorts=tuple(c.then(T, version=flaky_new) for c in moved_before)),
        Story(name="confounded.rewriting_before_migration", truth=history, cls=STAYS, excess=True,
              events=late, cohorts=tuple(
                  c.then(T, rewrite_every=3).then(T + 5, version=SAME_CARD) for c in old)),
        Story(name="confounded.markers_before_migration", truth=markers,
              cls=frozenset({markers}), excess=True, cohorts=tuple(
                  c.then(T, markers="none").then(T + 5, version=SAME_CARD) for c in old)),
        Story(name="confounded.regression_and_old_release", truth=worse, cls=STAYS, excess=True,
              events=((T - 2, "client", "client 2.5.0", None),), labels=VERSIONED,
              cohorts=tuple(c.then(T - 2, **NEW_CLIENT).then(T, version=FLAKY_OPUS)
                            for c in old)),
    )  # fmt: skip


def _workload_and_version() -> tuple[Story, ...]:
    volume, mix, sparse = "workload.volume", "workload.mix", "workload.sparser"
    old = tuple(on(c, OPUS_46) for c in trio())
    poor = on(chat("ad-hoc", route="notebooks", single=0.9, opening_tokens=7000.0), OPUS_46)
    no_version: Ids = still(F)
    return (
        Story(name="confounded.volume_on_migration_day", truth=volume, cls=no_version,
              cohorts=(*(c.then(T, version=SAME_CARD, volume=1.9) for c in old[:2]),
                       old[2].then(T, volume=1.9))),
        Story(name="confounded.volume_after_migration", truth=volume, cls=no_version,
              cohorts=tuple(c.then(T - 2, version=SAME_CARD).then(T, volume=1.9) for c in old)),
        Story(name="confounded.mix_on_migration_day", truth=mix, cls=frozenset({mix, volume}),
              cohorts=(old[1].then(T, version=SAME_CARD, volume=0.4),
                       poor.then(T, version=SAME_CARD, volume=4.0))),
        Story(name="confounded.sparser_after_migration", truth=sparse, cls=STAYS,
              cohorts=(old[1].then(T - 6, version=SAME_CARD).then(T, gap=6.0),)),
        Story(name="confounded.sparser_on_migration_day_log", truth=sparse,
              cls=frozenset({sparse}), identifiable=True, log=FULL_LOG,
              cohorts=(old[1].then(T, version=SAME_CARD, gap=6.0), old[0])),
        Story(name="confounded.harmless_migration", truth=None, cls=frozenset(),
              cohorts=tuple(c.then(T, version=SAME_CARD) for c in old)),
        Story(name="confounded.harmless_release", truth=None, cls=frozenset(),
              events=((T, "client", "client 2.5.0", None),), labels=VERSIONED,
              cohorts=tuple(c.then(T, **NEW_CLIENT) for c in old)),
    )  # fmt: skip
