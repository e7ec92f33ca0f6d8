"""The usual cohorts: what a mid-sized team sends."""

from dataclasses import replace

from .world import GPT_51, Cohort, Version


def chat(scope: str = "support-chat", **settings: object) -> Cohort:
    """Conversations of a support desk, with some single shots on the same prompts."""
    return Cohort(scope=scope, **settings)  # type: ignore[arg-type]


def agents(scope: str = "code-agent", **settings: object) -> Cohort:
    """Long tool-using sessions, as in public traces: short median gap, heavy tail."""
    usual: dict[str, object] = {
        "prefixes_tokens": (14000, 18000),
        "sessions_per_hour": 14.0,
        "turns": 18.0,
        "gap_s": 17.0,
        "gap_sigma": 1.6,
        "turn_tokens": 1300.0,
        "opening_tokens": 3000.0,
        "single": 0.05,
        "output_tokens": 500.0,
    }
    return Cohort(scope=scope, **{**usual, **settings})  # type: ignore[arg-type]


def desk(scope: str = "advisers", **settings: object) -> Cohort:
    """People who think for minutes between turns: an hour's lifetime keeps many prefixes live."""
    usual: dict[str, object] = {
        "gap_s": 700.0,
        "gap_sigma": 0.9,
        "turns": 9.0,
        "opening_tokens": 8000.0,
        "single": 0.1,
    }
    return Cohort(scope=scope, **{**usual, **settings}).first(ttl_s=3600.0)  # type: ignore[arg-type]


def shots(scope: str = "classify", **settings: object) -> Cohort:
    """Single requests on a few shared prompts; only the prompt is marked."""
    usual: dict[str, object] = {
        "prefixes_tokens": (2600, 2900),
        "sessions_per_hour": 220.0,
        "single": 1.0,
        "opening_tokens": 500.0,
        "output_tokens": 150.0,
    }
    return Cohort(scope=scope, **{**usual, **settings})  # type: ignore[arg-type]


def jobs(scope: str = "contract-review", **settings: object) -> Cohort:
    """Several questions on one document each: the document is read by all but the first."""
    usual: dict[str, object] = {
        "kind": "jobs",
        "prefixes_tokens": (3000,),
        "sessions_per_hour": 30.0,
        "turns": 6.0,
        "gap_s": 4.0,
        "gap_sigma": 0.8,
        "opening_tokens": 16000.0,
        "single": 0.0,
    }
    return Cohort(scope=scope, **{**usual, **settings})  # type: ignore[arg-type]


def openai(cohort: Cohort, version: Version = GPT_51) -> Cohort:
    """*cohort* at a provider that caches by itself for 10 minutes and reports no writes."""
    return replace(cohort, provider="openai").first(version=version, ttl_s=600.0)


def on(cohort: Cohort, version: Version, **settings: object) -> Cohort:
    """*cohort* served by *version* from the start."""
    return cohort.first(version=version, **settings)


def trio() -> tuple[Cohort, Cohort, Cohort]:
    """Chats, agents and a second chat on another gateway."""
    return chat(), agents(), chat("help-center", route="edge-eu", sessions_per_hour=30.0)
