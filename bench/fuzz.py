"""Fuzz of every reader of logs with new seeds, for as long as it is let.

    python bench/fuzz.py --seconds 600 [--seed N] [--only CAMPAIGN]
    python bench/fuzz.py --again CAMPAIGN KIND SEED
    python bench/fuzz.py --guided --seconds 300 [--seed N]
    python bench/fuzz.py --bytes HEX

Each log is valid, is damaged, and is judged by tests/fuzz: every line is read right, counted as
skipped, or refused. The table counts logs and calls; the exit is 1 with what reproduces it where
one defect was found. `--again` and `--bytes` run a single log and show the traceback.

`--guided` lets coverage choose: of the input's bytes some are the choices of a campaign, others a
whole file, of which only what holds for any bytes is asked (a call that the table can hold, a
refusal without text of the log). It needs atheris, which is no dependency:

    pip install --target FOLDER atheris==3.0.0
    PYTHONPATH=FOLDER python bench/fuzz.py --guided --seconds 300
"""

import argparse
import os
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
TURN_S = 0.25  # of one campaign, before the next has its turn
DEAR_S = 0.005  # of one log; above it a campaign is not guided


@dataclass(slots=True)
class Row:
    """One kind of log in one campaign."""

    logs: int = 0
    calls: int = 0
    skips: int = 0
    hows: Counter[str] = field(default_factory=Counter)
    defects: list[str] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=600, help="of CPU")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    parser.add_argument("--only", default="", help="one campaign")
    parser.add_argument("--again", nargs=3, metavar=("CAMPAIGN", "KIND", "SEED"))
    parser.add_argument("--bytes", default="", metavar="HEX", help="what --guided printed")
    parser.add_argument("--guided", action="store_true", help="by coverage, with atheris")
    told = parser.parse_args()
    if told.again:
        campaign, kind, seed = told.again
        print(named(campaign).once(kind, int(seed)))
        return 0
    if told.bytes:
        chosen(bytes.fromhex(told.bytes))
        return 0
    print(f"seed {told.seed}", flush=True)
    if told.guided:
        guided(told.seconds, told.seed)
    rows = campaigns(told.seconds, told.seed, told.only)
    print(table(rows))
    defects = [defect for row in rows.values() for defect in row.defects]
    print("\n".join(defects))
    return 1 if defects else 0


def named(name: str):
    from tests.fuzz import CAMPAIGNS

    return next(campaign for campaign in CAMPAIGNS if campaign.name == name)


def campaigns(seconds: float, first_seed: int, only: str) -> dict[tuple[str, str], Row]:
    """Rows by (kind, campaign), after *seconds* of CPU in turns."""
    from tests.fuzz import CAMPAIGNS

    seeds = random.Random(first_seed)
    rows: dict[tuple[str, str], Row] = {}
    end = time.process_time() + seconds
    while time.process_time() < end:
        for campaign in CAMPAIGNS:
            if only not in ("", campaign.name):
                continue
            turn = time.process_time() + TURN_S
            while time.process_time() < turn:
                for kind in campaign.kinds:
                    row = rows.setdefault((kind, campaign.name), Row())
                    once(campaign, kind, seeds.randrange(2**32), row)
    return rows


def once(campaign, kind: str, seed: int, row: Row) -> None:
    """One log, added to *row*."""
    row.logs += 1
    try:
        outcome = campaign.once(kind, seed)
    except Exception as error:  # noqa: BLE001 - anything but an outcome is a defect
        said = str(error).partition("\n")[0][:300]
        row.defects.append(
            f"python bench/fuzz.py --again {campaign.name} {kind} {seed}"
            f"    {type(error).__name__}: {said}"
        )
        return
    row.hows[outcome.how] += 1
    row.calls += outcome.calls
    row.skips += outcome.skips


def table(rows: dict[tuple[str, str], Row]) -> str:
    """Markdown: a line for each kind of log, and all together."""
    told = ["| log | logs | calls read right | lines skipped | logs refused | left out | defects |"]
    told.append("|---|---:|---:|---:|---:|---:|---:|")
    for name in [*dict.fromkeys(kind for kind, _ in rows), "all"]:
        of = [row for (kind, _), row in rows.items() if name in (kind, "all")]
        counts = (
            sum(row.logs for row in of),
            sum(row.calls for row in of),
            sum(row.skips for row in of),
            sum(row.hows["refused"] for row in of),
            sum(row.hows["left out"] for row in of),
            sum(len(row.defects) for row in of),
        )
        told.append(f"| {name} | " + " | ".join(f"{count:,}" for count in counts) + " |")
    return "\n".join(told)


# by coverage


class Chosen(random.Random):
    """A random source whose choices are *data*, byte by byte, and 0 after its end."""

    def __init__(self, data: bytes) -> None:
        super().__init__(0)
        self.data = iter(data)

    def getrandbits(self, k: int) -> int:
        found = bytes(next(self.data, 0) for _ in range((k + 7) // 8))
        return int.from_bytes(found, "little") % 2**k

    def random(self) -> float:
        return self.getrandbits(16) / 2**16

    def _randbelow(self, n: int) -> int:  # the usual one would wait for a number below n
        return self.getrandbits(max(n.bit_length(), 8)) % n


def chosen(data: bytes) -> None:
    """What the bytes *data* choose: a campaign and its damage, or a format and a whole file."""
    from tests.fuzz import CAMPAIGNS, EVERY
    from tests.fuzz.files import WHOLE_FILES, whole_file

    with tempfile.TemporaryDirectory() as folder:
        if data[:1] < b"\x80":
            kind, suffix = Chosen(data[1:2]).choice(EVERY), Chosen(data[2:3]).choice(WHOLE_FILES)
            whole_file(kind, suffix, data[3:], Path(folder))
        else:
            rng = Chosen(data[1:])
            campaign = rng.choice([c for c in CAMPAIGNS if c.seconds < DEAR_S])
            campaign.run(rng.choice(campaign.kinds), rng, Path(folder))


def guided(seconds: float, seed: int) -> None:
    """atheris over all readers for *seconds*; it ends the process, with 1 after a defect."""
    import atheris

    with atheris.instrument_imports(include=["cacheaudit.logs"]):
        from tests.fuzz import EVERY, formats, kind

    def one(data: bytes) -> None:
        try:
            chosen(data)
        except Exception:  # noqa: BLE001 - whatever it is, it is a defect
            traceback.print_exc()
            print(f"seed {seed}: python bench/fuzz.py --bytes {data.hex()}", flush=True)
            os._exit(1)

    with tempfile.TemporaryDirectory() as corpus:
        source = random.Random(seed)
        for number, name in enumerate(EVERY):
            lines = kind.made(formats.KINDS[name], source, 2).lines()
            (Path(corpus) / f"{name}.jsonl").write_bytes(bytes([0, number, 0]) + b"\n".join(lines))
            (Path(corpus) / name).write_bytes(b"\xff" + source.randbytes(200))
        atheris.Setup([
            "fuzz", corpus, f"-seed={seed % 2**31}", f"-max_total_time={seconds:.0f}",
            "-max_len=8192", "-print_final_stats=1", f"-artifact_prefix={corpus}/",
        ], one)  # fmt: skip
        atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
