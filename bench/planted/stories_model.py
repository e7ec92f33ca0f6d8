"""The model itself: `model.*`, each by its mechanism."""

from dataclasses import replace

from .classes import A_NO_WRITES, BODY_ONLY, ONLY_NEW_MODEL, SWITCHED_ONCE, A, C, E, G, H
from .story import EVERYTHING, FULL_LOG, Story, T
from .traffic import agents, chat, desk, jobs, on, openai, shots
from .world import GPT_52, HAIKU_45, OPUS_46, OPUS_47, Version

MOVED = ((T, "model", "a new model for all traffic", None),)
SAME_CARD = Version(id="claude-opus-4-7", floor_tokens=2048)  # OPUS_47, but counting as before
HALF_DEAF = replace(OPUS_46, missed=0.3)
FORGETFUL = replace(OPUS_46, leaf_missed=0.35)
WRITE_ONLY = replace(OPUS_46, reads=False)
BLIND_CLIENT = replace(OPUS_46, markers=False)
BLOCKS = replace(GPT_52, quantum_tokens=1536)
HUGE_BLOCKS = replace(GPT_52, quantum_tokens=8320)
KEY_NEEDED = replace(GPT_52, missed=0.8)
CHATTY = replace(SAME_CARD, output=1.7)
WORDY = replace(SAME_CARD, output=1.25)


def _ramped(cohort, version):  # type: ignore[no-untyped-def]
    """A tenth of the sessions for a day, then half, then all."""
    step = cohort.then(T, canary=version, canary_share=0.1, canary_by="session")
    return step.then(T + 1, canary_share=0.5).then(T + 2, version=version, canary_share=0.0)


def stories() -> tuple[Story, ...]:
    """All of `model.*`."""
    return (*_floor(), *_cold(), *_counting(), *_caching(), *_unknown_and_output())


def _floor() -> tuple[Story, ...]:
    truth = "model.below_minimum"
    one = frozenset({truth})
    short, long = shots(), shots("triage", prefixes_tokens=(5200, 6100))
    same = shots("classify-eu", route="edge-eu")
    mixed = shots(prefixes_tokens=(2600, 5600, 3100, 7000))
    return (
        Story(
            name="below_minimum.usage", truth=truth, cls=A, excess=True,
            cohorts=(short.then(T, version=OPUS_46), same.then(T, version=OPUS_46)),
        ),
        Story(
            name="below_minimum.events", truth=truth, cls=A, excess=True, events=MOVED,
            cohorts=(short.then(T, version=OPUS_46), same.then(T, version=OPUS_46)),
        ),
        Story(
            name="below_minimum.contrast", truth=truth, cls=one, identifiable=True, excess=True,
            cohorts=(short.then(T, version=OPUS_46), same, long.then(T, version=OPUS_46)),
        ),
        Story(
            name="below_minimum.contrast_quiet_traffic", truth=truth, cls=one, identifiable=True,
            excess=True,
            cohorts=tuple(
                replace(c, sessions_per_hour=60.0)
                for c in (short.then(T, version=OPUS_46), same, long.then(T, version=OPUS_46))
            ),
        ),
        Story(
            name="below_minimum.ramp_contrast", truth=truth, cls=one, identifiable=True,
            excess=True,
            cohorts=(_ramped(short, OPUS_46), same, _ramped(long, OPUS_46)),
        ),
        Story(
            name="below_minimum.log", truth=truth, cls=one, identifiable=True, excess=True,
            cohorts=(mixed.then(T, version=OPUS_46), agents()), log=FULL_LOG,
        ),
        Story(
            name="below_minimum.subtle", truth=truth, cls=A, excess=True,
            cohorts=(
                shots(prefixes_tokens=(5600, 6100, 6500, 2600)).then(T, version=OPUS_46),
                agents().then(T, version=OPUS_46),
            ),
        ),
        Story(
            name="below_minimum.chats", truth=truth, cls=A, excess=True,
            cohorts=(
                chat(prefixes_tokens=(1800, 2200), turn_tokens=350.0, opening_tokens=600.0).then(
                    T, version=HAIKU_45
                ),
            ),
        ),
    )  # fmt: skip


def _cold() -> tuple[Story, ...]:
    truth = "model.cold_start"
    hour_agents = on(agents(), OPUS_46, ttl_s=3600.0)
    hour_chat = on(desk(), OPUS_46)
    moved = (hour_agents.then(T, version=SAME_CARD), hour_chat.then(T, version=SAME_CARD))
    return (
        Story(
            name="cold_start.1h_usage", truth=truth, cls=SWITCHED_ONCE | {truth}, excess=True,
            cohorts=moved,
        ),
        Story(
            name="cold_start.1h_events", truth=truth, cls=frozenset({truth}), identifiable=True,
            excess=True, events=MOVED, cohorts=moved,
        ),
        Story(
            name="cold_start.5min_buckets", truth=truth, cls=frozenset({truth}),
            identifiable=True, excess=True, events=MOVED, cohorts=moved, width="5min",
        ),
        Story(
            name="cold_start.log", truth=truth, cls=frozenset({truth}), identifiable=True,
            excess=True, events=MOVED, cohorts=moved, log=EVERYTHING,
        ),
        Story(
            name="cold_start.hidden", truth=truth, cls=frozenset({truth}), visible=False,
            cohorts=(chat().then(T, version=OPUS_46), shots(prefixes_tokens=(5000,)).then(
                T, version=OPUS_46)),
        ),
    )  # fmt: skip


def _counting() -> tuple[Story, ...]:
    token, price = "model.tokenizer", "model.price"
    old = [on(chat(), OPUS_46), on(agents(), OPUS_46), on(chat("help-center"), OPUS_46)]
    all_moved = tuple(c.then(T, version=OPUS_47) for c in old)
    slight = replace(OPUS_47, tokenizer=1.12, output=1.12)
    dear = (chat().then(T, version=OPUS_46), agents().then(T, version=OPUS_46))
    return (
        Story(name="tokenizer.usage", truth=token, cls=E, cohorts=all_moved),
        Story(
            name="tokenizer.contrast", truth=token, cls=E,
            cohorts=(all_moved[0], all_moved[1], old[2]),
        ),
        Story(
            name="tokenizer.slight", truth=token, cls=E,
            cohorts=tuple(c.then(T, version=slight) for c in old),
        ),
        Story(
            name="tokenizer.log", truth=token, cls=frozenset({token}), identifiable=True,
            cohorts=all_moved, log=FULL_LOG,
        ),
        Story(name="price.usage", truth=price, cls=G, cohorts=dear),
        Story(
            name="price.cost", truth=price, cls=frozenset({price}), identifiable=True,
            cohorts=dear, cost_factor=1.0,
        ),
    )  # fmt: skip


def _caching() -> tuple[Story, ...]:
    rules, blocks, worse = "model.cache_semantics", "model.serving", "model.worse_caching"
    new_only = ONLY_NEW_MODEL
    at_openai = openai(agents())
    shots_openai = openai(shots(prefixes_tokens=(6000, 7000)))
    no_writes = C | A_NO_WRITES | {"client.ttl_shortened"}
    canary = {"canary_share": 0.3, "canary_by": "session"}
    return (
        Story(
            name="cache_semantics.usage", truth=rules, cls=C, excess=True,
            cohorts=(chat().then(T, version=WRITE_ONLY), agents().then(T, version=WRITE_ONLY)),
        ),
        Story(
            name="cache_semantics.canary", truth=rules, cls=new_only, excess=True,
            cohorts=(chat().then(T, canary=WRITE_ONLY, **canary), agents()),
        ),
        Story(
            name="cache_semantics.openai", truth=rules, cls=no_writes, excess=True,
            cohorts=(at_openai.then(T, version=KEY_NEEDED),),
        ),
        Story(
            name="cache_semantics.log", truth=rules, cls=new_only | BODY_ONLY, excess=True,
            log=FULL_LOG,
            cohorts=(chat().then(T, version=WRITE_ONLY), agents()),
        ),
        Story(
            name="serving.usage", truth=blocks, cls=no_writes, excess=True,
            cohorts=(shots_openai.then(T, version=HUGE_BLOCKS),),
        ),
        Story(
            name="serving.log", truth=blocks, cls=frozenset({blocks}), identifiable=True,
            excess=True, log=FULL_LOG,
            cohorts=(openai(chat(prefixes_tokens=(2500, 4200))).then(T, version=BLOCKS),),
        ),
        Story(
            name="worse_caching.usage", truth=worse, cls=C, excess=True,
            cohorts=(chat().then(T, version=HALF_DEAF), agents().then(T, version=HALF_DEAF)),
        ),
        Story(
            name="worse_caching.contrast", truth=worse, cls=C, excess=True,
            cohorts=(chat().then(T, version=FORGETFUL), agents(), chat("help-center")),
        ),
        Story(
            name="worse_caching.canary", truth=worse, cls=new_only, excess=True,
            cohorts=(agents(sessions_per_hour=30.0).then(T, canary=HALF_DEAF, **canary), chat()),
        ),
        Story(
            name="worse_caching.log", truth=worse, cls=(new_only - {blocks}) | BODY_ONLY,
            log=FULL_LOG, excess=True,
            cohorts=(agents().then(T, version=FORGETFUL), chat()),
        ),
    )  # fmt: skip


def _unknown_and_output() -> tuple[Story, ...]:
    blind, output = "model.unrecognised_id", "model.output_growth"
    moved = (chat().then(T, version=BLIND_CLIENT), agents().then(T, version=BLIND_CLIENT))
    sighted = chat("help-center", route="sdk").then(T, version=OPUS_46)
    old = (on(chat(), OPUS_46), on(agents(), OPUS_46))
    return (
        Story(name="unrecognised_id.usage", truth=blind, cls=A, excess=True, cohorts=moved),
        Story(
            name="unrecognised_id.contrast", truth=blind, excess=True,
            cls=frozenset({blind, "client.markers_dropped", "model.cache_semantics"}),
            cohorts=(moved[0], sighted),  # another client may send the key that this one does not
        ),
        Story(
            name="unrecognised_id.log", truth=blind, cls=frozenset({blind}), identifiable=True,
            excess=True, log=FULL_LOG, cohorts=(moved[0], sighted, jobs()),
        ),
        Story(
            name="output_growth.usage", truth=output, cls=H,
            cohorts=tuple(c.then(T, version=CHATTY) for c in old),
        ),
        Story(
            name="output_growth.contrast", truth=output, cls=H,
            cohorts=(old[0].then(T, version=WORDY), old[1]),
        ),
        Story(
            name="output_growth.log", truth=output, cls=frozenset({output}), identifiable=True,
            cohorts=tuple(c.then(T, version=CHATTY) for c in old), log=FULL_LOG,
        ),
    )  # fmt: skip
