"""How strong a step is, anywhere in a series: all of it from differences of prefix sums."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

MIN_SEGMENT = 2  # buckets: one alone is an outlier
MIN_MASS = 0.5  # mean buckets' worth of traffic: two thin hours at night prove nothing
SHORT = (2, 3, 4, 6, 8, 12, 24)  # buckets of a short dip


class Scan:
    """Weighted sums of one series; everything asked of it is a difference of prefixes."""

    def __init__(self, y: Floats, precision: Floats, inflation: Floats, mass: Floats) -> None:
        self.n = len(y)
        self.mass = np.concatenate([[0.0], np.cumsum(mass)])
        self.inflation = inflation
        self.w = np.concatenate([[0.0], np.cumsum(precision)])
        self.wy = np.concatenate([[0.0], np.cumsum(precision * (y - y[0]))])
        self.origin = float(y[0])  # sums of small numbers lose less

    def mean(self, left: int, right: int) -> float:
        """Weighted mean of [left, right)."""
        level = (self.wy[right] - self.wy[left]) / (self.w[right] - self.w[left])
        return self.origin + float(level)

    def strength(self, left: int | Places, split: int | Places, right: int | Places) -> Floats:
        """|step| at *split* of [left, right) over its standard error; 0 with too little traffic."""
        w_left, w_right = self.w[split] - self.w[left], self.w[right] - self.w[split]
        step = (self.wy[split] - self.wy[left]) / w_left
        step = step - (self.wy[right] - self.wy[split]) / w_right
        variance = self.inflation[np.subtract(split, left)] / w_left
        variance = variance + self.inflation[np.subtract(right, split)] / w_right
        mass = self.mass[split]
        thin = np.minimum(mass - self.mass[left], self.mass[right] - mass) < MIN_MASS
        return np.where(thin, 0.0, np.abs(step) / np.sqrt(variance))

    def gain(self, left: int, splits: Places, right: int) -> Floats:
        """Log-likelihood of a step at each of *splits*, over none in [left, right)."""
        none = self._fit(left, right)
        return np.asarray(self._fit(left, splits) + self._fit(splits, right) - none)

    def gain_of_two(
        self, left: int, first: int | Places, second: int | Places, right: int
    ) -> Floats:
        """Log-likelihood of steps at *first* and *second*, over none in [left, right)."""
        fit = self._fit(left, first) + self._fit(first, second) + self._fit(second, right)
        return np.asarray(fit - self._fit(left, right))

    def _fit(self, left: int | Places, right: int | Places) -> Floats:
        """Of a mean of its own for [left, right); 0 for nothing."""
        w = self.w[right] - self.w[left]
        return np.asarray((self.wy[right] - self.wy[left]) ** 2 / np.where(w > 0, w, np.inf) / 2)

    def window(self, left: int, cut: int, right: int) -> tuple[int, int, float]:
        """The part of [left, right) around *cut* in which its step is strongest, and how strong.

        All of it, unless the levels drift: then a step shows best from near by.
        """
        reach = MIN_SEGMENT * 2 ** np.arange(1 + int(np.log2(max(2, self.n))))
        lefts, rights = np.maximum(left, cut - reach), np.minimum(right, cut + reach)
        strength = self.strength(lefts, cut, rights)
        best = len(strength) - 1 - int(strength[::-1].argmax())  # of equals the widest
        return int(lefts[best]), int(rights[best]), float(strength[best])


@lru_cache(maxsize=8)  # all series of one window are as long
def looks(n: int) -> tuple[tuple[Places, Places, Places], ...]:
    """Where to look in n buckets: (lefts (k, 1), splits (k, j), rights (k, 1)), a scale each.

    Seeded intervals with all their splits; then, since an interval rarely ends just where a short
    dip does, every short stretch against a longer one before and after it.
    """
    return tuple(_looks(n))


def _looks(n: int) -> Iterator[tuple[Places, Places, Places]]:
    length = float(n)
    while length >= 2 * MIN_SEGMENT:
        size = int(np.ceil(length))
        count = max(1, int(np.ceil(2 * n / size)) - 1)
        lefts = np.linspace(0, n - size, count).round().astype(np.int64)[:, None]
        yield lefts, lefts + np.arange(MIN_SEGMENT, size - MIN_SEGMENT + 1), lefts + size
        length /= np.sqrt(2)
    for short in SHORT:
        size = min(n, short + max(24, 2 * short))
        if size - short >= short:
            lefts = np.arange(n - size + 1)[:, None]
            yield lefts, lefts + short, lefts + size
            yield lefts, lefts + size - short, lefts + size


def places(left: int, right: int) -> Places:
    """Splits of [left, right) that leave enough buckets on each side."""
    return np.arange(left + MIN_SEGMENT, right - MIN_SEGMENT + 1)


def narrowest_over(scan: Scan, bar: float) -> list[int]:
    """Splits, narrowest interval first; an interval that holds a chosen split is spent."""
    found: list[tuple[int, float, int, int]] = []
    for lefts, splits, rights in looks(scan.n):
        strength = scan.strength(lefts, splits, rights)
        best = strength.argmax(axis=1)
        rows = np.arange(len(lefts))
        for row in rows[strength[rows, best] > bar]:
            top = float(strength[row, best[row]])
            left, right = int(lefts[row, 0]), int(rights[row, 0])
            found.append((right - left, -top, left, int(splits[row, best[row]])))
    cuts: list[int] = []
    for size, _, left, split in sorted(found):
        if not any(left < cut < left + size for cut in cuts):
            cuts.append(split)
    return sorted(cuts)
