"""The hits of lanes.py by arrays: the same calls, orders and rules, and the same sums.

A cutover costs milliseconds here, so plans are compared on it; a test holds the two equal.
"""

from dataclasses import fields

import numpy as np
import pandas as pd

from .blocks import Marks, Versions, live_entries
from .cutover import Cutover
from .held import NONE, Held
from .outcome import COUNTS, Sent
from .rules import Rules, RulesOf, rules_for
from .split import Whole, calls_moved, calls_spread, keys_moved, parts_at


def held_sums(
    held: Held, rules: RulesOf, cutover: Cutover | None, bucket_s: int
) -> tuple[pd.DataFrame, Sent]:
    """lanes.bucket_sums of *held*."""
    served, sent, touches = _served(held, cutover), np.zeros(len(held.at_ms), bool), 0
    if cutover is not None and (rows := _prefilled(held, cutover, rules)) is not None:
        held, order = _joined(held, rows)
        served = np.concatenate([np.full(len(rows.at_ms), cutover.to, object), served])[order]
        sent, touches = order < len(rows.at_ms), len(rows.at_ms)
    calls = _calls(held, served, rules, sent, cutover)
    calls["bucket_start"] = held.at_ms // (1000 * bucket_s) * bucket_s
    calls["model"] = served
    read, written, uncached = (
        int(calls.loc[sent, f"{name}_tokens"].sum()) for name in ("hit", "written", "uncached")
    )
    sums = calls[~sent].groupby(["bucket_start", "model"], as_index=False).sum()
    kept = sums.reindex(columns=["bucket_start", "model", *COUNTS])
    told = Sent(calls=touches, read_tokens=read, written_tokens=written, uncached_tokens=uncached)
    return kept, told


def _served(held: Held, cutover: Cutover | None) -> Versions:
    """(calls,) the version that serves each call under *cutover*."""
    if cutover is None:
        return held.model
    shares = cutover.shares_ms()
    parts = parts_at(held.at_ms, shares)
    if cutover.split_by == "request":
        moved = calls_moved(np.arange(len(parts)), parts)
    elif cutover.split_by == "spread":
        moved = calls_spread(np.arange(len(parts)), parts)
    elif cutover.split_by == "prefix":
        moved = keys_moved(held.prefix_place, parts)
    else:
        if cutover.split_by == "new_session":
            parts = np.where(parts == 0, 0, parts_at(held.session_began_ms, shares))
        moved = keys_moved(held.session_place, parts)
    if cutover.from_model is not None:
        moved &= held.model == cutover.from_model
    return np.where(moved, cutover.to, held.model)


def _prefilled(held: Held, cutover: Cutover, rules: RulesOf) -> Held | None:
    """The touches of a prefill, as calls; None without any."""
    times = np.array(cutover.touches_ms(rules_for(rules, cutover.to).ttl_s), np.int64)
    if cutover.prefill is None or not len(times):
        return None
    since = times[0] - round(1000 * cutover.prefill.lookback_s)
    seen = (held.prefix != NONE) & (held.head > 0) & (held.at_ms >= since)
    seen &= held.at_ms < times[0]
    if cutover.from_model is not None:
        seen &= held.model == cutover.from_model
    uses = pd.DataFrame(
        {"prefix": held.prefix, "head": held.head, "name": held.name, "call": range(len(seen))}
    )[seen]
    each = uses.groupby("prefix").agg(
        head=("head", "max"), uses=("head", "size"), name=("name", "first"), call=("call", "first")
    )
    each["stake"] = each["head"] * each["uses"]
    top = each.sort_values(["stake", "name"], ascending=[False, True], kind="stable")
    top = top.head(cutover.prefill.prefixes)
    if top.empty:
        return None
    row, head = (np.repeat(top[c].to_numpy(np.int64), len(times)) for c in ("call", "head"))
    nothing = np.full(len(row), NONE)
    return Held(
        absent=held.absent, name=held.name[row], at_ms=np.tile(times, len(top)),
        model=np.full(len(row), cutover.to, object), prefix=held.prefix[row], session=nothing,
        prefix_place=held.prefix_place[row], session_place=nothing, head=head, cached=head,
        prompt=head, measured=np.ones(len(row), bool),
    )  # fmt: skip


def _joined(held: Held, touches: Held) -> tuple[Held, Whole]:
    """Both in order of time, the touches first of one time; and the order of touches + calls."""
    order = np.argsort(np.concatenate([touches.at_ms, held.at_ms]), kind="stable")
    columns = [one.name for one in fields(Held) if one.name != "absent"]
    joined = {
        name: np.concatenate([getattr(touches, name), getattr(held, name)])[order]
        for name in columns
    }
    return Held(absent=held.absent, **joined), order


def _calls(
    held: Held, served: Versions, rules: RulesOf, sent: Marks, cutover: Cutover | None
) -> pd.DataFrame:
    """A row per call with the counts of outcome.COUNTS that lanes have."""
    columns = {
        name: np.zeros(len(served), np.int64)
        for name in ("prompt", "hit", "written", "steady", "steady_written")
    }
    family = np.ones(len(served), bool)
    if cutover is not None and cutover.from_model is not None:
        family = np.isin(held.model, [cutover.from_model, cutover.to])
    for model in pd.unique(served):
        rule, mine = rules_for(rules, str(model)), served == model
        found = _found(held, mine, rule)
        always = found
        if cutover is not None:
            always = _found(held, (family if (mine & family).any() else mine) & ~sent, rule)
        cached = _scaled(held.cached, rule)
        cached[cached < rule.min_tokens] = 0
        read, steady = (_read(tokens, cached, rule) for tokens in (found, always))
        filled = {
            "prompt": _scaled(held.prompt, rule), "hit": read, "written": cached - read,
            "steady": steady, "steady_written": cached - steady,
        }  # fmt: skip
        for name, values in filled.items():
            columns[name][mine] = values[mine]
    prompt, hit, steady = (columns[name] for name in ("prompt", "hit", "steady"))
    return pd.DataFrame(
        {
            "requests": 1,
            "prompt_tokens": prompt,
            "hit_tokens": hit,
            "written_tokens": columns["written"],
            "uncached_tokens": prompt - hit - columns["written"],
            "steady_hit_tokens": steady,
            "steady_written_tokens": columns["steady_written"],
            "steady_uncached_tokens": prompt - steady - columns["steady_written"],
            "cold_requests": (hit < steady).astype(np.int64),
            "unmeasured_requests": (~held.measured).astype(np.int64),
        }
    )


def _found(held: Held, users: Marks, rule: Rules) -> Whole:
    """(calls,) tokens, as the log counts them, that the entries which *users* leave hold for each
    of them: the longer of its prefix and its conversation (shared.py)."""
    found = np.zeros(len(users), np.int64)
    ttl_ms, ready_ms = round(1000 * rule.ttl_s), round(1000 * rule.ready_s)
    if "prefix_id" not in held.absent:
        order = held.by_prefix[users[held.by_prefix]]
        live = live_entries(held.prefix[order], held.at_ms[order], ttl_ms, ready_ms)
        found[order] = np.where(live, _of_prefix(held, order), 0)
    if "session_id" not in held.absent:
        order = held.by_session[users[held.by_session]]
        live = live_entries(held.session[order], held.at_ms[order], ttl_ms, 0)
        left = np.where(live, np.roll(held.cached[order], 1), 0)
        found[order] = np.maximum(found[order], left)
    return np.minimum(found, held.cached)


def _of_prefix(held: Held, order: Whole) -> Whole:
    """shared._of_prefix of the calls in *order*."""
    cached, head = held.cached[order], held.head[order]
    left = np.roll(np.where(head == NONE, cached, np.minimum(head, cached)), 1)
    if "prefix_tokens" in held.absent:
        return left
    own = np.where(head == NONE, left if "session_id" in held.absent else 0, head)
    return np.minimum(own, left)


def _read(found: Whole, cached: Whole, rule: Rules) -> Whole:
    """Tokens of the version that are read of what is *found*: shared.in_classes."""
    tokens = _scaled(found, rule)
    tokens = tokens - tokens % rule.block_tokens
    return np.minimum(np.where(tokens >= rule.min_tokens, tokens, 0), cached)


def _scaled(tokens: Whole, rule: Rules) -> Whole:
    scaled: Whole = np.round(tokens * rule.token_ratio).astype(np.int64)
    return scaled
