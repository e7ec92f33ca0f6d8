"""Break the engine on purpose, one line at a time, and see a test notice.

Each mutant is applied to a copy of the checkout, in which the tests named beside it run. A mutant
that no test notices is printed as SURVIVED, and the exit is 1.

    python bench/mutants.py [PART_OF_NAME]    about eight minutes on two cores
"""

import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
LEFT_OUT = (".venv", ".git", "reports", "__pycache__", ".mypy_cache", ".ruff_cache", "*.egg-info")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """*old*, once in *file* of the package, becomes *new*; *tests* are pytest's arguments."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


CAUSES, LOG = ("tests/test_causes.py",), ("tests/test_causes_log.py",)
MUTANTS = (
    Mutant(name="a cold cache may outlast its lifetime", file="causes/timing.py",
           old="if not case.persists or not case.in_a_rate:",
           new="if case.persists or not case.in_a_rate:", tests=CAUSES),
    Mutant(name="traffic that kept its version and fell clears nothing", file="causes/versions.py",
           old='text=f"Traffic that kept its version is affected as well"\n'
           '            f" ({fell(case.unmoved_affected, case)}): the version alone cannot be the'
           ' cause.",\n            against=True,\n            decisive=True,',
           new='text="Traffic that kept its version is affected as well.", against=True,',
           tests=CAUSES),
    Mutant(name="a lead of one piece of evidence convicts", file="causes/rank.py",
           old="CLEAR_LEAD = 2", new="CLEAR_LEAD = 1", tests=(*CAUSES, "tests/test_diagnosis.py")),
    Mutant(name="what was lost before counts for a mark", file="causes/losses.py",
           old='- self._lost(here, "before")', new='+ self._lost(here, "before")', tests=LOG),
    Mutant(name="weights are judged by the rates after", file="causes/losses.py",
           old='mean = (rate["after"] + rate["before"]) / 2', new='mean = rate["after"]',
           tests=LOG),
    Mutant(name="a baseline that rolls", file="incidents/alarms.py",
           old="        base = max(quiet, key=lambda s: s.buckets)\n        if worse",
           new="        base = quiet[-1]\n        if worse", tests=("tests/test_incidents.py",)),
    Mutant(name="the oddest hour is an incident anywhere", file="incidents/find.py",
           old="return near and (alarm.margin", new="return (alarm.margin",
           tests=("tests/test_incidents.py",)),
    Mutant(name="thin hours pull in the busy one between them", file="noise.py",
           old="np.maximum(0.0, other - sd)", new="np.maximum(0.0, sd - sd)",
           tests=("tests/test_noise.py",)),
    Mutant(name="an entry lives on under another model", file="traffic/calls.py",
           old="table.lane, table.model, table.scope]", new="table.lane, table.scope]",
           tests=("tests/test_traffic.py",)),
    Mutant(name="a log that the provider contradicts is used", file="diagnosis/judge.py",
           old="        log = None  # what it lost", new="        log = log  # what it lost",
           tests=("tests/test_diagnosis_log.py", "-k", "contradict")),
    Mutant(name="a further fall is paid for twice", file="diagnosis/tried.py",
           old="own = own.without(inner.excess_curve)", new="own = own",
           tests=("tests/test_diagnosis_log.py", "-k", "two_steps")),
    Mutant(name="a release that harmed nobody else is a suspect all the same",
           file="causes/given.py", old=".isin(case.harmless)", new=".isin([])",
           tests=("tests/test_diagnosis_log.py", "-k", "unharmed")),
    Mutant(name="hours of the night are held against the whole day", file="excess/usual.py",
           old="by_hour = np.where(total[:, None] > 0, level, flat)", new="by_hour = flat",
           tests=("tests/test_excess.py", "tests/test_excess_curve.py")),
    Mutant(name="an interval that forgets the noise of the days", file="excess/spread.py",
           old="running=reach * np.sqrt(variance)", new="running=reach * np.sqrt(variance) / 2",
           tests=("tests/test_excess_curve.py",)),
    Mutant(name="a ceiling below what can be lost", file="excess/ceiling.py",
           old="usd=usd(found.on_new + unseen, found.on_old)", new="usd=usd(unseen, found.on_old)",
           tests=("tests/test_cold_start.py",)),
    Mutant(name="a new model stands in for everybody", file="bridge/states.py",
           old="np.maximum(0.0, np.nan_to_num(own.share) - np.nan_to_num(other.share))",
           new="np.nan_to_num(own.share)", tests=("tests/test_bridge.py",)),
    Mutant(name="orders of the factors weigh alike whatever their length",
           file="bridge/shapley.py", old="factorial(k) * factorial(n - k - 1) / factorial(n)",
           new="1 / 2 ** (n - 1)", tests=("tests/test_bridge.py",)),
    Mutant(name="an unknown tokenizer is 0", file="bridge/explain.py",
           old='del factors["tokenizer"]', new="pass", tests=("tests/test_bridge.py",)),
    Mutant(name="a dear day makes up for a cheap one", file="quality/reconciled.py",
           old="off = np.abs(charged - ours)", new="off = charged - ours",
           tests=("tests/test_quality_reconciled.py",)),
    Mutant(name="fields that a log lost pass for a cold cache", file="quality/lost.py",
           old='id="writes_vanished",\n        severity="blind"',
           new='id="writes_vanished",\n        severity="note"',
           tests=("tests/test_quality_faults.py",)),
    Mutant(name="what was read stays in the uncached rest", file="logs/tokens.py",
           old="rest = total - read - wrote", new="rest = total - wrote",
           tests=("tests/test_logs_tokens.py",)),
    Mutant(name="a copy of a call counts as another", file="logs/table.py",
           old=") = 1\n", new=") >= 1\n", tests=("tests/test_logs_claude_code.py",)),
    Mutant(name="any share of a log may be lost", file="logs/loss.py",
           old="if self.skipped > max_loss * (self.calls + self.skipped):", new="if False:",
           tests=("tests/test_logs_tally.py", "tests/test_logs_own.py")),
    Mutant(name="a call that failed is billed", file="engine/rollup.py",
           old="table = answered(whole)", new="table = whole", tests=("tests/test_engine.py",)),
    Mutant(name="a missing count is 0 after the sum", file="engine/rollup.py",
           old=".assign(**dict.fromkeys(absent & {*keys, *TOKENS}, None))",
           new=".assign(**dict.fromkeys(absent & {*keys}, None), "
               "**dict.fromkeys(absent & {*TOKENS}, 0))", tests=("tests/test_engine.py",)),
    Mutant(name="an ideal cache never forgets", file="traffic/eligible.py",
           old="own = every.since_s <= ttl", new="own = every.since_s >= 0",
           tests=("tests/test_traffic_eligible.py",)),
    Mutant(name="a bucket still filling is settled", file="store/intervals.py",
           old="until = now - MARGIN if refreshed_at is None else refreshed_at", new="until = now",
           tests=("tests/test_store.py",)),
    Mutant(name="the sandbox's entries never end", file="sandbox/cache.py",
           old="and at_s < entry[0]", new="", tests=("tests/test_sandbox_cache.py",)),
    Mutant(name="the sandbox's versions share a cache", file="sandbox/serving.py",
           old="shared = (caller.scope, model.id,", new="shared = (caller.scope, model.provider,",
           tests=("tests/test_sandbox_claude.py",)),
    Mutant(name="an entry is readable while it is being written", file="sandbox/serving.py",
           old="        hit = self.cache.read(place, marks, at_s)\n",
           new="        self.cache.write(place, marks, at_s, 300)\n"
               "        hit = self.cache.read(place, marks, at_s)\n",
           tests=("tests/test_sandbox_claude.py",)),
)  # fmt: skip


def noticed(mutant: Mutant) -> bool:
    """Whether a test fails in a copy of the checkout with *mutant* applied."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "checkout"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
        path = copy / "cacheaudit" / mutant.file
        source = path.read_text(encoding="utf-8")
        if source.count(mutant.old) != 1:
            raise SystemExit(f"{mutant.name}: found {source.count(mutant.old)} places, expected 1.")
        path.write_text(source.replace(mutant.old, mutant.new), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        run = subprocess.run(
            [*command, *mutant.tests], cwd=copy, capture_output=True, text=True, check=False
        )
        if run.returncode not in (0, 1):
            raise SystemExit(f"{mutant.name}: pytest could not run.\n{run.stdout[-2000:]}")
        return run.returncode == 1


def main() -> int:
    """Try every mutant; 1 if one survived."""
    part = sys.argv[1] if len(sys.argv) > 1 else ""
    chosen = [m for m in MUTANTS if part in m.name]
    with ThreadPoolExecutor(2) as pool:
        found = []
        for mutant, seen in zip(chosen, pool.map(noticed, chosen), strict=True):
            found.append(seen)
            said = "noticed " if seen else "SURVIVED"
            print(f"{said}  {mutant.file:22}  {mutant.name}", flush=True)
    print(f"{sum(found)} of {len(found)} noticed")
    return 0 if all(found) else 1


if __name__ == "__main__":
    sys.exit(main())
