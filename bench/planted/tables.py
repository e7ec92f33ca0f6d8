"""Many runs as plain text."""

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median

from .score import ABSTAINING, Run


def _share(label: str, values: Sequence[bool | None]) -> str:
    known = [v for v in values if v is not None]
    if not known:
        return f"{label:<58} -"
    return f"{label:<58} {100 * sum(known) / len(known):5.1f} %   {sum(known)}/{len(known)}"


def summary(runs: Sequence[Run]) -> Iterator[str]:
    """The figures that METHODS.md quotes."""
    due = [r for r in runs if r.found is not None]
    found = [r for r in due if r.found]
    starts = [r.start_buckets for r in found if r.start_buckets is not None]
    errors = [r.excess_error for r in runs if r.excess_error is not None]
    yield f"{len(runs)} runs of {len({r.story for r in runs})} stories"
    yield _share("errors", [r.error is not None for r in runs])
    yield _share("not found", [not r.found for r in due])
    yield _share("truth among the leaders", [r.truth_leads for r in due])
    yield _share("leaders within the equivalence class", [r.within for r in due])
    yield _share("identified where identifiable", [r.identified for r in due])
    yield _share("coinciding changes recognised", [r.recognised for r in runs])
    yield _share("a version wrongly accused", [r.accused for r in runs if r.error is None])
    yield _share("start within one bucket (of those dated)", [s <= 1 for s in starts])
    yield _share("abstained (of those found)", [_verdict(r) in ABSTAINING for r in found])
    harmless = [r for r in runs if r.truth is None and r.error is None]
    yield _share("alarm in a harmless story", [r.incidents > 0 for r in harmless])
    if errors:
        label = "excess: median relative error"
        yield f"{label:<58} {100 * median(errors):5.1f} %   of {len(errors)}"
        yield _share("excess: true value in the stated interval", [r.covered for r in runs])


def _verdict(run: Run) -> str:
    return run.verdict or run.top_verdict


def per_story(runs: Sequence[Run]) -> Iterator[str]:
    """One line per story: shares over its seeds; '.' does not apply."""
    yield f"{'story':<46}{'n':>3} {'found':>6}{'leads':>6}{'class':>6}{'ident':>6}{'coinc':>6}" \
        f"{'accus':>6}{'start':>7}{'excess':>8}  leaders (first seed) or error"  # fmt: skip
    for name in dict.fromkeys(r.story for r in runs):
        own = [r for r in runs if r.story == name]
        starts = [r.start_buckets for r in own if r.start_buckets is not None]
        errors = [r.excess_error for r in own if r.excess_error is not None]
        first = own[0]
        said = (
            first.error or f"{_verdict(first)}: {', '.join(first.leaders) or first.quality or '-'}"
        )
        yield (
            f"{name:<46}{len(own):>3} "
            + "".join(
                f"{_rate([getattr(r, k) for r in own]):>6}"
                for k in ("found", "truth_leads", "within", "identified", "recognised")
            )
            + f"{_rate([r.accused for r in own]):>6}"
            + f"{f'{median(starts):.0f}' if starts else '.':>7}"
            + f"{f'{100 * median(errors):.0f}%' if errors else '.':>8}  {said}"
        )


def _rate(values: Sequence[bool | None]) -> str:
    known = [v for v in values if v is not None]
    return f"{100 * sum(known) / len(known):.0f}" if known else "."


def confusion(runs: Sequence[Run]) -> Iterator[str]:
    """Truth -> causes seen among the leaders, with counts of runs."""
    for truth in sorted({r.truth for r in runs if r.truth}):
        own = [r for r in runs if r.truth == truth and r.found is not None]
        if not own:
            continue
        seen = Counter(c for r in own for c in (r.leaders or (f"({_verdict(r) or 'error'})",)))
        told = ", ".join(f"{c} {n}" for c, n in seen.most_common())
        yield f"{truth:<32}{len(own):>4}  {told}"
