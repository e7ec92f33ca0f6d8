"""The caller: `client.*`, each by its mechanism, on one unchanged model."""

from .classes import A_NO_WRITES, C_NO_LIFETIMES, SWITCHED_ONCE, C, D, E, Ids, still
from .story import EVERYTHING, FULL_LOG, Story, T
from .traffic import agents, chat, desk, jobs, openai, shots
from .world import Cohort

RELEASE = ((T, "client", "client 2.5.0", None),)
PROMPT = ((T, "prompt", "new system prompt", None),)
STAYS: Ids = still(C)
SHRUNK_TO_HEAD: Ids = frozenset({"client.markers_dropped"})


def _logged(name: str, truth: str, cohorts: tuple[Cohort, ...], **more: object) -> Story:
    """The variant with a request log that names the truth."""
    usual: dict[str, object] = {
        "cls": frozenset({truth}), "identifiable": True, "excess": True, "log": FULL_LOG,
    }  # fmt: skip
    return Story(name=name, truth=truth, cohorts=cohorts, **{**usual, **more})  # type: ignore[arg-type]


def _seen(name: str, truth: str, cls: Ids, cohorts: tuple[Cohort, ...], **more: object) -> Story:
    """The variant with buckets only (and given events)."""
    return Story(name=name, truth=truth, cls=cls, cohorts=cohorts, excess=True, **more)  # type: ignore[arg-type]


def stories() -> tuple[Story, ...]:
    """All of `client.*`."""
    return (*_lifetime(), *_markers(), *_texts(), *_keys(), *_routing())


def _lifetime() -> tuple[Story, ...]:
    truth = "client.ttl_shortened"
    slow = chat("assistants", gap_s=240.0, gap_sigma=1.2).first(ttl_s=3600.0)
    coders = agents().first(ttl_s=3600.0)
    patient = openai(chat(gap_s=150.0, gap_sigma=1.2)).first(ttl_s=3600.0)
    return (
        _seen("ttl_shortened.usage", truth, D, (slow.then(T, ttl_s=300.0), coders),
              identifiable=True),
        _seen("ttl_shortened.agents", truth, D, (coders.then(T, ttl_s=300.0),),
              identifiable=True, events=RELEASE),
        _seen("ttl_shortened.no_lifetimes", truth, still(C_NO_LIFETIMES | A_NO_WRITES),
              (patient.then(T, ttl_s=300.0),)),
        _logged("ttl_shortened.log", truth, (slow.then(T, ttl_s=300.0), coders)),
        _logged("ttl_shortened.log_no_lifetimes", truth, (patient.then(T, ttl_s=300.0),)),
    )  # fmt: skip


def _markers() -> tuple[Story, ...]:
    truth, one = "client.markers_dropped", SHRUNK_TO_HEAD
    gateway = chat("help-center", route="gateway-b")
    return (
        _seen("markers_dropped.all", truth, one, (chat().then(T, markers="none"),
              agents().then(T, markers="none"))),
        _seen("markers_dropped.one_gateway", truth, one, (chat(), agents(),
              gateway.then(T, markers="none")), events=RELEASE),
        _seen("markers_dropped.tail", truth, one, (agents().then(T, markers="head"), chat())),
        _seen("markers_dropped.healed", truth, one, (
            chat().then(T, markers="none").then(T + 0.8, markers="all"),
            agents().then(T, markers="none").then(T + 0.8, markers="all"))),
        _seen("markers_dropped.quiet_traffic", truth, one, (
            chat(sessions_per_hour=6.0).then(T, markers="none"),)),
        _logged("markers_dropped.log", truth, (chat(), gateway.then(T, markers="none"))),
        _logged("markers_dropped.tail_log", truth, (agents().then(T, markers="head"), chat())),
    )  # fmt: skip


def _texts() -> tuple[Story, ...]:
    history, edit, clock = (
        "client.history_rewritten",
        "client.prefix_changed",
        "client.prefix_volatile",
    )
    rewriting = agents().then(T, rewrite_every=3, client_version="2.5.0")
    edited = (desk().then(T, edition=1), agents().first(ttl_s=3600.0).then(T, edition=1))
    longer = tuple(c.then(T, edition=1, edit_tokens=4000) for c in (chat(), chat("help-center")))
    ticking = chat().then(T, clock_s=0.001)
    pinned = agents().then(T, clock_s=0.001, stable_tokens=5000)
    shots_openai = openai(shots(prefixes_tokens=(6000, 7000)))
    return (
        _seen("history_rewritten.usage", history, STAYS, (rewriting, chat())),
        _seen("history_rewritten.events", history, STAYS, (rewriting,), events=RELEASE),
        _seen("history_rewritten.rare", history, STAYS,
              (agents().then(T, rewrite_every=9), chat())),
        _logged("history_rewritten.log", history, (rewriting, chat()), log=EVERYTHING),
        _seen("history_rewritten.log_no_reason", history, frozenset({
            history, "client.lookback_overflow", "client.parameter_changed"}),
            (rewriting, chat()), log=FULL_LOG),
        _seen("prefix_changed.1h_usage", edit, SWITCHED_ONCE, edited),
        _seen("prefix_changed.1h_events", edit, SWITCHED_ONCE, edited, events=PROMPT),
        _seen("prefix_changed.5min_buckets", edit, SWITCHED_ONCE, edited, events=PROMPT,
              width="5min"),
        _logged("prefix_changed.log", edit, edited, events=PROMPT),
        Story(name="prefix_changed.longer", truth=edit, cls=still(E), cohorts=longer,
              events=PROMPT),
        Story(name="prefix_changed.hidden", truth=edit, cls=frozenset({edit}), visible=False,
              cohorts=(chat().then(T, edition=1),), events=PROMPT),
        _seen("prefix_volatile.usage", clock, STAYS, (ticking, agents().then(T, clock_s=0.001))),
        _seen("prefix_volatile.minute", clock, STAYS, (chat().then(T, clock_s=60.0), agents())),
        _seen("prefix_volatile.plateau", clock, STAYS, (pinned, chat())),
        _seen("prefix_volatile.openai", clock, still(C_NO_LIFETIMES | A_NO_WRITES),
              (shots_openai.then(T, clock_s=0.001),)),
        _logged("prefix_volatile.log", clock, (ticking, agents())),
        _logged("prefix_volatile.plateau_log", clock, (pinned, chat())),
    )  # fmt: skip


def _keys() -> tuple[Story, ...]:
    tools, parameter = "client.tools_churn", "client.parameter_changed"
    resume, lookback = "client.resume", "client.lookback_overflow"
    churning, toggling = agents().then(T, tools_p=0.2), agents().then(T, parameter_p=0.2)
    resuming, wide = agents().then(T, resume_breaks=True), agents().then(T, lookback=True)
    talk_misses = frozenset({parameter, lookback, "provider.regression"})
    return (
        _seen("tools_churn.usage", tools, STAYS, (churning, chat())),
        _seen("tools_churn.rare", tools, STAYS, (agents().then(T, tools_p=0.06), chat())),
        _logged("tools_churn.log", tools, (churning, chat())),
        _seen("parameter_changed.usage", parameter, STAYS, (toggling, chat())),
        _seen("parameter_changed.log", parameter, talk_misses, (toggling, chat()),
              log=EVERYTHING),
        _seen("resume.usage", resume, STAYS, (resuming, chat())),
        _logged("resume.log", resume, (resuming, chat())),
        _seen("lookback_overflow.usage", lookback, STAYS, (wide, chat())),
        _seen("lookback_overflow.log", lookback, talk_misses, (wide, chat()), log=EVERYTHING),
    )  # fmt: skip


def _routing() -> tuple[Story, ...]:
    lost, fan, moved = "client.affinity_lost", "client.fan_out", "client.isolation_moved"
    rotating = tuple(c.then(T, endpoints=4) for c in (chat(), agents()))
    shots_openai = openai(shots(prefixes_tokens=(6000, 7000), sessions_per_hour=120.0))
    at_once = jobs().then(T, parallel=True)
    new_home = desk().then(T, scope="advisers-eu")
    return (
        _seen("affinity_lost.usage", lost, STAYS, rotating),
        _seen("affinity_lost.two", lost, STAYS, (chat().then(T, endpoints=2), agents())),
        _seen("affinity_lost.openai", lost, still(C_NO_LIFETIMES | A_NO_WRITES),
              (shots_openai.then(T, endpoints=24),)),
        _logged("affinity_lost.log", lost, rotating),
        _seen("fan_out.usage", fan, STAYS, (at_once, chat())),
        _logged("fan_out.log", fan, (at_once, chat())),
        _seen("isolation_moved.usage", moved, frozenset({moved}), (new_home, chat()),
              identifiable=True),
        _seen("isolation_moved.5min_buckets", moved, frozenset({moved}), (new_home, chat()),
              identifiable=True, width="5min"),
    )  # fmt: skip
