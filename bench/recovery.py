"""How often a loss is called warming or lasting, rightly and wrongly, and how good its end date is.

Made-up hit rates by the hour: two weeks at 80 % with a rhythm of the day and of the week, then a
loss. Noise is an AR(1) of 0.6 with a standard deviation of 2 points, and moods of whole days of 1
point. Prints the tables of docs/METHODS.md. Tuning used seeds below 1000.

    python bench/recovery.py [--trials 200] [--seed 10000]    about three minutes
"""

import argparse
from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from cacheaudit.incidents import Incident
from cacheaudit.recovery import Recovery, recovery_of
from cacheaudit.schema import check_usage

START = pd.Timestamp("2026-03-02", tz="UTC")  # a Monday
HOUR = pd.Timedelta("1h")
BASELINE_DAYS = 15
AT_SHARE = 0.9
Gap = Callable[[np.ndarray], np.ndarray]


def flat(days: np.ndarray) -> np.ndarray:
    """Two fifths of the rate is lost."""
    return np.full(len(days), 0.4)


def shallow(days: np.ndarray) -> np.ndarray:
    """A seventh is lost."""
    return np.full(len(days), 0.15)


def deeper_at_night(days: np.ndarray) -> np.ndarray:
    """What is lost has a rhythm of its own."""
    return 0.4 + 0.1 * np.cos(2 * np.pi * days)


def half_mended(days: np.ndarray) -> np.ndarray:
    """One step, in the middle, to half the loss."""
    return np.where(days < days[-1] / 2, 0.5, 0.25)


def worsening(days: np.ndarray) -> np.ndarray:
    """The loss grows."""
    return 0.25 + 0.01 * days


def fading(half_life: float) -> Gap:
    """Half is lost, and half of that *half_life* days later."""
    return lambda days: 0.5 * 0.5 ** (days / half_life)


FLAT: dict[str, Gap] = {
    "flat": flat,
    "shallow": shallow,
    "deeper at night": deeper_at_night,
    "one step to half": half_mended,
    "worsening": worsening,
}
FADING = [(3.0, 4), (5.0, 7), (10.0, 7), (10.0, 14), (10.0, 21), (20.0, 14), (20.0, 28)]


def recovered(gap: Gap, days: int, seed: int) -> Recovery:
    """The recovery of a loss of *gap* (share of the baseline, by days since) seen for *days*."""
    rng = np.random.default_rng(seed)
    offset = int(rng.integers(24 * 7))  # of the week in which it began
    index = pd.date_range(START + offset * HOUR, periods=24 * (BASELINE_DAYS + days), freq="h")
    cut = index[24 * BASELINE_DAYS]
    hour = index.hour.to_numpy()
    base = 0.8 + 0.03 * np.cos(2 * np.pi * hour / 24) - 0.03 * (index.day_of_week.to_numpy() >= 5)
    shocks = (
        lfilter([1], [1, -0.6], rng.standard_normal(len(index) + 50))[50:] * 0.8
    )  # to variance 1
    moods = rng.normal(0, 0.01, len(index) // 24 + 2)[(np.arange(len(index)) + index[0].hour) // 24]
    since = np.asarray((index - cut) / pd.Timedelta("1D"))
    lost = np.zeros(len(index))
    lost[since >= 0] = gap(since[since >= 0])
    rate = np.clip(base * (1 - lost) + 0.02 * shocks + moods, 0, 1)
    tokens = rng.poisson(1e6 * (1 - 0.7 * np.cos(2 * np.pi * (hour - 2) / 24)))
    read = (tokens * rate).astype(int)
    usage = check_usage(pd.DataFrame({
        "bucket_start": index,
        "bucket_end": index + HOUR,
        "provider": "anthropic",
        "model": "m",
        "cache_read_tokens": read,
        "uncached_input_tokens": tokens - read,
    }))  # fmt: skip
    late = since >= 0
    incident = Incident(
        start=cut, start_low=cut, start_high=cut, could_low=cut, could_high=cut, end=None,
        measure="hit_rate", before=float(rate[~late].mean()), after=float(rate[late].mean()),
        baseline=(index[0], cut), baseline_buckets=24 * BASELINE_DAYS, began_before=False,
        alarms=(),
    )  # fmt: skip
    found = recovery_of(
        incident, usage, at_share=AT_SHARE, within_hours=72, moved_by=cut, ttl_s=3600
    )
    assert found is not None
    return found


def shares(gap: Gap, days: int, trials: int, seed: int) -> dict[str, float]:
    """How often each shape was seen."""
    seen = Counter(recovered(gap, days, seed + i).shape for i in range(trials))
    return {shape: seen[shape] / trials for shape in ("warming", "lasting", "unclear")}


def dates(half_life: float, days: int, trials: int, seed: int) -> dict[str, float]:
    """Of the warmings: share found, share of intervals with the truth, their median width."""
    found = [recovered(fading(half_life), days, seed + i) for i in range(trials)]
    warm = [f for f in found if f.shape == "warming"]
    inside, width, off, open_ended = [], [], [], 0
    for one in warm:
        cut = pd.DatetimeIndex(one.curve.index)[0]
        level = max(AT_SHARE, (1 + float(one.curve["rate"].mean()) / one.baseline) / 2)
        truth = cut + pd.Timedelta(days=half_life * float(np.log2(0.5 / (1 - level))))
        low, high = one.projected_low, one.projected_high
        inside.append((low is None or low <= truth) and (high is None or truth <= high))
        open_ended += high is None
        if low is not None and high is not None:
            width.append((high - low) / pd.Timedelta("1D"))
        if one.projected_at is not None:
            off.append(abs((one.projected_at - truth) / pd.Timedelta("1D")))
    return {
        "warming": len(warm) / trials,
        "lasting": sum(f.shape == "lasting" for f in found) / trials,
        "covered": float(np.mean(inside)) if inside else float("nan"),
        "width": float(np.median(width)) if width else float("nan"),
        "off": float(np.median(off)) if off else float("nan"),
        "open": open_ended / max(1, len(warm)),
    }


def main() -> None:
    """Print the tables."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--trials", type=int, default=200)
    asked.add_argument("--seed", type=int, default=10_000)
    told = asked.parse_args()
    print(f"{'no warming':20s}{'days':>6s}{'warming':>10s}{'lasting':>10s}{'unclear':>10s}")
    for name, gap in FLAT.items():
        for days in (4, 7, 14, 28):
            row = shares(gap, days, told.trials, told.seed)
            print(f"{name:20s}{days:6d}" + "".join(f"{row[k]:10.1%}" for k in row))
    heads = ("warming", "lasting", "covered", "width d", "off d", "open")
    print(f"\n{'half-life d':>12s}{'days':>6s}" + "".join(f"{h:>10s}" for h in heads))
    for half_life, days in FADING:
        one = dates(half_life, days, told.trials, told.seed)
        print(
            f"{half_life:12.0f}{days:6d}{one['warming']:10.1%}{one['lasting']:10.1%}"
            f"{one['covered']:10.1%}{one['width']:10.1f}{one['off']:10.1f}{one['open']:10.1%}"
        )


if __name__ == "__main__":
    main()
