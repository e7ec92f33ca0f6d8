"""How long a folder of Claude Code transcripts takes to add up, beside ccusage in the same run.

What is read is made here: 100,800 responses in 129 MB, in 240 sessions of 12 projects and 60 days,
with users' lines between them, responses that several lines repeat, subagents in files of their own
and sessions that were resumed into another file. Both programs are whole processes, from start to
exit, in turns, each once before to fill caches: ours is Python that sums by day and model, ccusage
a native binary that does the same and looks up prices, and that binary again as npm's `ccusage`
starts it, through Node.js. The seconds are this machine's; what carries over is the ratio.

    python bench/transcripts.py                   installs ccusage with npm into a temporary folder
    python bench/transcripts.py --ccusage PATH    runs the binary at PATH; its launcher where npm
                                                  has put one beside it

Memory is the most that all processes of a run held at once (the sum of their proportional set
sizes, sampled every 5 ms), and the largest resident set of any one of them (getrusage).
"""

import argparse
import json
import os
import platform
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

RUNS = 9
RESPONSES = 100_800
SESSIONS, PROJECTS, DAYS = 240, 12, 60
TURNS = RESPONSES // SESSIONS
START = datetime(2026, 9, 1, tzinfo=UTC)
MODELS = ("claude-opus-4-6", "claude-sonnet-4-6", "claude-haiku-4-5-20251001")
REPEATS = (1, 1, 1, 1, 1, 1, 2, 2)  # lines of one response; an earlier one has less output
TEXT = "the cache is keyed on the prefix and the version that serves it, and on nothing else; "
OURS = "from cacheaudit.logs.tally import tally; import json, sys; " \
    "print(json.dumps(tally(sys.argv[1]).to_dict()))"  # fmt: skip
SAMPLED_S = 0.005
NAMES = ("inputTokens", "cacheReadTokens", "cacheCreationTokens", "outputTokens")
Lines = list[dict[str, Any]]
Totals = tuple[tuple[str, int], ...]


# what is read


def stamp(at: datetime) -> str:
    """Milliseconds and Z: ccusage silently reads nothing where there are microseconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def session(rng: random.Random, number: int) -> tuple[str, Lines, Lines]:
    """Name, lines of the session and lines of its subagent."""
    name, model = f"{rng.getrandbits(128):032x}", MODELS[number // PROJECTS % len(MODELS)]
    at = START + timedelta(hours=rng.uniform(0, 24 * DAYS - 12))
    lines: tuple[Lines, Lines] = ([], [])
    held = [15_000, 8_000]
    for turn in range(TURNS):
        side = int(turn % 7 == 6)
        at += timedelta(seconds=rng.expovariate(1 / 20))
        shared = {
            "sessionId": name,
            "version": "2.1.39",
            "cwd": f"/srv/project-{number % PROJECTS}",
            "gitBranch": "main",
            "isSidechain": bool(side),
            **({"agentId": f"a{number:06x}"} if side else {}),
        }
        text = TEXT[rng.randrange(40) :]
        prompt = {"role": "user", "content": text}
        lines[side].append(
            {"type": "user", **mark(rng), "timestamp": stamp(at), **shared, "message": prompt}
        )
        written = rng.randrange(100, 2000)
        message = {
            "id": f"msg_01{rng.getrandbits(96):024x}",
            "type": "message",
            "model": model,
            "role": "assistant",
            "content": [{"type": "text", "text": text}],
        }
        request, output = f"req_011{rng.getrandbits(96):024x}", rng.randrange(10, 900)
        times = rng.choice(REPEATS)
        for repeat in range(times):
            at += timedelta(milliseconds=rng.randrange(100, 3000))
            usage = {
                "input_tokens": 3,
                "cache_creation_input_tokens": written,
                "cache_read_input_tokens": held[side],
                "cache_creation": {
                    "ephemeral_5m_input_tokens": written if side else 0,
                    "ephemeral_1h_input_tokens": 0 if side else written,
                },
                "output_tokens": output if repeat == times - 1 else 1,
                "service_tier": "standard",
                "inference_geo": "not_available",
            }
            lines[side].append(
                {
                    "type": "assistant",
                    **mark(rng),
                    "timestamp": stamp(at),
                    **shared,
                    "requestId": request,
                    "message": {**message, "usage": usage},
                }
            )
        held[side] = held[side] + written if held[side] < 150_000 else 15_000
    return name, *lines


def mark(rng: random.Random) -> dict[str, str]:
    """The id of a line."""
    return {"uuid": f"{rng.getrandbits(128):032x}"}


def write(folder: Path) -> tuple[int, int]:
    """The transcripts below *folder*/projects; how many bytes and lines."""
    rng, size, count = random.Random(1), 0, 0
    for number in range(SESSIONS):
        name, main, side = session(rng, number)
        project = folder / "projects" / f"-srv-project-{number % PROJECTS}"
        files = {project / f"{name}.jsonl": main}
        files[project / name / "subagents" / f"agent-a{number:06x}.jsonl"] = side
        if number % 20 == 0:  # resumed: the new file begins with the end of the old one
            files[project / f"{rng.getrandbits(128):032x}.jsonl"] = main[-60:]
        for path, lines in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
            path.write_text(text, encoding="utf-8")
            size, count = size + len(text), count + len(lines)
    return size, count


# who reads it


def installed(folder: Path) -> Path:
    """The native binary of ccusage, installed by npm below *folder*."""
    if shutil.which("npm") is None:
        sys.exit("no npm here: install Node.js, or give the binary with --ccusage PATH")
    chip = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}.get(machine := platform.machine())
    native = f"@ccusage/ccusage-{sys.platform}-{chip or machine}"
    quiet = ["--silent", "--no-audit", "--no-fund"]
    done = subprocess.run(["npm", "install", *quiet, "--prefix", str(folder), "ccusage"])
    binary = folder / "node_modules" / native / "bin" / "ccusage"
    if done.returncode or not binary.is_file():
        sys.exit(f"npm installed no {native}: give the native binary with --ccusage PATH")
    binary.chmod(0o755)  # the launcher would have done this
    return binary


def commands(folder: Path, binary: Path) -> dict[str, list[str]]:
    """Who reads the transcripts in *folder*, by the name of its row."""
    asked = ["claude", "daily", "--offline", "--json"]
    found = {
        "cacheaudit": [sys.executable, "-c", OURS, str(folder / "projects")],
        "ccusage": [str(binary), *asked],
    }
    launcher = binary.parents[3] / ".bin" / "ccusage" if len(binary.parents) > 3 else None
    if launcher and launcher.is_file() and (node := shutil.which("node")):
        found["ccusage, its launcher"] = [node, str(launcher), *asked]
    return found


@dataclass(frozen=True, slots=True)
class Run:
    """One process from start to exit; s, s, bytes, bytes."""

    wall_s: float
    cpu_s: float
    largest_bytes: int
    together_bytes: int
    out: str


def measured(command: list[str], env: dict[str, str]) -> Run:
    """Run *command* in a child that reports on its own descendants alone."""
    meter = [sys.executable, "-S", __file__, "--measure", *command]
    done = subprocess.run(meter, env=env, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{command[0]} failed")  # it has said why
    figures, _, out = done.stdout.partition("\n")
    wall_s, cpu_s, largest, together = map(float, figures.split())
    return Run(wall_s, cpu_s, int(largest), int(together), out)


def meter(command: list[str]) -> None:
    """Run *command*; print its wall and CPU seconds and its memory, and then what it printed."""
    with tempfile.TemporaryFile() as out:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=out)
        most, ended = [0], threading.Event()
        watch = threading.Thread(target=sample, args=(process.pid, most, ended))
        if "--memory" in os.environ.get("METER", ""):
            watch.start()
        code = process.wait()
        wall_s = time.perf_counter() - began
        ended.set()
        if watch.is_alive():
            watch.join()
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        out.seek(0)
        print(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, most[0])
        print(out.read().decode(), end="")
        sys.exit(code)


def sample(pid: int, most: list[int], ended: threading.Event) -> None:
    """The most that *pid* and its descendants held at once, into *most*."""
    while not ended.wait(SAMPLED_S):
        most[0] = max(most[0], sum(held(each) for each in family(pid)))


def family(pid: int) -> set[int]:
    """*pid* and its descendants."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = status.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        parents[int(status.parent.name)] = int(after_name[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def held(pid: int) -> int:
    """Bytes of *pid*: its own, and its part of what it shares; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


# what they say


def ours_says(out: str) -> Totals:
    """Token totals of our answer."""
    total = json.loads(out)["total"]
    written = [v or 0 for k, v in total.items() if k.startswith("cache_write_")]
    input_side = total["uncached_input_tokens"], total["cache_read_tokens"], sum(written)
    return tuple(zip(NAMES, (*input_side, total["output_tokens"]), strict=True))


def theirs_says(out: str) -> Totals:
    """The same of theirs."""
    total = json.loads(out)["totals"]
    return tuple((name, total[name]) for name in NAMES)


def row(name: str, runs: list[Run], memory: Run) -> str:
    """A row of the table."""
    wall = sorted(run.wall_s for run in runs)
    cpu = statistics.median(run.cpu_s for run in runs)
    return (
        f"| {name} | {wall[0]:.2f} | {statistics.median(wall):.2f} | {wall[-1]:.2f} | {cpu:.2f}"
        f" | {memory.largest_bytes / 1e6:.0f} | {memory.together_bytes / 1e6:.0f} |"
    )


def compare(folder: Path, binary: Path, runs: int) -> None:
    """Make the transcripts, run both in turns, print the table."""
    size, lines = write(folder)
    print(f"{RESPONSES:,} responses, {lines:,} lines, {size / 1e6:.0f} MB", flush=True)
    env = {**os.environ, "CLAUDE_CONFIG_DIR": str(folder), "TZ": "UTC"}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # ours is read compiled, as wherever it is installed
    who = commands(folder, binary)
    done: dict[str, list[Run]] = {name: [] for name in who}
    for turn in range(runs + 1):
        for name, command in who.items():
            run = measured(command, env)
            if turn:  # the first fills the page cache, and compiles
                done[name].append(run)
    memory = {n: measured(c, {**env, "METER": "--memory"}) for n, c in who.items()}
    said = {ours_says(done["cacheaudit"][0].out)}
    said |= {theirs_says(runs[0].out) for name, runs in done.items() if name != "cacheaudit"}
    if len(said) > 1:
        sys.exit(f"they disagree: {said}")
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True)
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} CPUs, {platform.machine()}, Python"
        f" {platform.python_version()}, {version.stdout.strip()}; {runs} runs each, in turns\n"
    )
    print("| | min s | median s | max s | CPU s | largest process, MB | all at once, MB |")
    print("|---|---|---|---|---|---|---|")
    for name in who:
        print(row(name, done[name], memory[name]))
    print()
    for name in [*who][1:]:
        print(ratios(name, done["cacheaudit"], done[name]))
    print("all say " + ", ".join(f"{name} {count:,}" for name, count in said.pop()))


def ratios(name: str, ours: list[Run], theirs: list[Run]) -> str:
    """How ours compares with theirs, called *name*."""
    a, b = ([run.wall_s for run in runs] for runs in (ours, theirs))
    turns = statistics.median(one / other for one, other in zip(a, b, strict=True))
    medians = statistics.median(a) / statistics.median(b)
    return (
        f"wall, cacheaudit / {name}: {medians:.2f} of medians, {turns:.2f} median of turns,"
        f" {min(a) / min(b):.2f} of the shortest"
    )


def main() -> None:
    """Read the command line, or be the meter of one run."""
    if sys.argv[1:2] == ["--measure"]:
        meter(sys.argv[2:])
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--ccusage", type=Path, help="native binary of ccusage")
    asked.add_argument("--runs", type=int, default=RUNS, help="of each, after one to warm up")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        compare(folder / "claude", given.ccusage or installed(folder / "npm"), given.runs)


if __name__ == "__main__":
    main()
