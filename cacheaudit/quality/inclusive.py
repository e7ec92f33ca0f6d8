"""Uncached input that holds the reads too: an inclusive total read as the exclusive rest."""

from itertools import product

import numpy as np

from ..words import count, moment, times
from .note import QualityNote
from .totals import DAY, LARGE, REACHES, Floats, Mask, Traffic, known

EXACT = 0.02  # of the reads: how well the extra uncached input matches them
NOISY = 0.1  # the same, for a note
STEPS = 3  # places at which uncached input may have stepped


def inclusive(traffic: Traffic) -> QualityNote | None:
    """Uncached input that steps up by just the reads while the reads stay: read as exclusive."""
    rows = traffic.rows
    unit = traffic.unit((0, len(traffic.times)))
    asked, uncached = traffic.by_slot(unit), traffic.by_slot(rows.uncached)
    if not traffic.by_slot(rows.read).any() or not uncached.any() or not asked.any():
        return None
    steps = _steps(uncached / np.maximum(asked, 1e-9), asked)
    reads, cached = rows.read, known(rows.read) + known(rows.written)
    for at, days, held in product(steps, REACHES, (reads, cached)):
        before = traffic.nearest(at, back=True, days=days)
        after = traffic.nearest(at, back=False, days=days)
        if min(traffic.span(*before), traffic.span(*after)) < DAY:
            continue
        was, now = (_per_unit(traffic, unit, held, *stretch) for stretch in (before, after))
        large = (was[2] >= LARGE * was[2].sum()) & (now[2] > 0)
        if not large.any():
            continue
        (u0, r0, weight), (u1, r1, _) = was[:, large], now[:, large]
        off = np.abs(u1 - u0 - r1) / np.maximum(r1, 1e-9)
        kept = np.abs(r1 - r0) <= NOISY * r0
        if not (r1 > 0.1 * u0).all() or not kept.all() or (off > NOISY).any():
            continue
        sure = bool((off <= EXACT).all()) and _follows(traffic, unit, held, at, after[1], large)
        more = float((u1 * weight).sum() / weight.sum()), float((u0 * weight).sum() / weight.sum())
        each = float((r1 * weight).sum() / weight.sum())
        what = "read from the cache" if held is reads else "read from and written to the cache"
        return QualityNote(
            id="inclusive_input",
            severity="unfit" if sure else "note",
            text=f"At {moment(traffic.times[at])} uncached input per request of {traffic.provider}"
            f" rose from {count(more[1])} to {count(more[0])} tokens,"
            f" {times((more[0] - more[1]) / each)} the {count(each)} {what},"
            " while reads stayed: uncached seems to hold these since then, and they"
            " count twice in the input. Subtract them from it there, or export again; if"
            " prompts grew by just that much, one raw response will show it.",
        )
    return None


def _per_unit(traffic: Traffic, unit: Floats, held: Floats, low: int, high: int) -> Floats:
    """Uncached per unit, *held* per unit and units of each cohort in [low, high), (3, cohorts)."""
    units = traffic.by_cohort(unit, low, high)
    per = np.where(units > 0, units, np.inf)
    uncached = traffic.by_cohort(traffic.rows.uncached, low, high) / per
    return np.stack([uncached, traffic.by_cohort(held, low, high) / per, units])


def _follows(
    traffic: Traffic, unit: Floats, held: Floats, low: int, high: int, large: Mask
) -> bool:
    """Whether uncached input moves with *held*, bucket by bucket, in each *large* cohort.

    More hits mean more reads; where uncached holds those it moves with them, one for one.
    Cohorts whose reads per request differ say the same, even if each is flat in time.
    """
    lines = []
    for cohort in np.flatnonzero(large)[:20]:
        own = (traffic.cohort == cohort) & (traffic.slot >= low) & (traffic.slot < high)
        sums = [
            np.bincount(traffic.slot[own] - low, known(v[own]), high - low)
            for v in (unit, held, traffic.rows.uncached)
        ]
        busy = sums[0] > 0
        weight, x, y = sums[0][busy], sums[1][busy] / sums[0][busy], sums[2][busy] / sums[0][busy]
        x, y = x - np.average(x, weights=weight), y - np.average(y, weights=weight)
        spread = float((weight * x * x).sum())
        fit = float((weight * x * y).sum())
        if spread <= 0 or not (y * y).any():
            return False
        slope = fit / spread
        tight = fit * fit / (spread * float((weight * y * y).sum()))
        lines.append(abs(slope - 1) <= 0.15 and tight >= 0.5)
    return all(lines)


def _steps(level: Floats, weight: Floats) -> list[int]:
    """Slots at which *level* stepped up most: the best split, then the best of each half."""
    found: list[int] = []
    stretches = [(0, len(level))]
    for _ in range(STEPS):
        if not stretches:
            break
        low, high = stretches.pop(0)
        if high - low < 4:
            continue
        mass = np.cumsum(weight[low:high])
        sums = np.cumsum(weight[low:high] * level[low:high])
        left, right = mass[:-1], mass[-1] - mass[:-1]
        safe = (left > 0) & (right > 0)
        gap = np.where(safe, sums[:-1] / np.maximum(left, 1e-9), 0.0) - np.where(
            safe, (sums[-1] - sums[:-1]) / np.maximum(right, 1e-9), 0.0
        )
        at = low + 1 + int(np.argmax(np.where(safe, gap**2 * left * right, 0.0)))
        found.append(at)
        stretches += [(low, at), (at, high)]
    return found
