"""Debian's Chromium, headless, on pages of this checkout."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cacheaudit.params import PostmortemParams
from cacheaudit.prefill_params import PrefillParams
from cacheaudit.probe_params import ProbeParams
from cacheaudit.rollout_params import WeeklyParams
from cacheaudit.run import run_postmortem, run_prefill, run_probe, run_weekly
from tests.conftest import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

EXAMPLES = sorted((ROOT / "reports" / "examples").glob("*.html"))
SAMPLES = {  # the notebooks with their defaults
    "postmortem": lambda out: run_postmortem(PostmortemParams(), out),
    "probe": lambda out: run_probe(ProbeParams(), out),
    "prefill": lambda out: run_prefill(PrefillParams(), out),
    "weekly": lambda out: run_weekly(WeeklyParams(), out),
}
QUIET = [  # Chromium asks for nothing of its own
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-quic", "--no-first-run", "--disable-gpu", "--no-sandbox",
]  # fmt: skip


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "found no chromium; on Debian: apt-get install chromium"
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=program, args=QUIET)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    """The page of a notebook with its defaults, run once."""
    made: dict[str, Path] = {}

    def page(kind: str) -> Path:
        if kind not in made:
            made[kind] = SAMPLES[kind](tmp_path_factory.mktemp(kind)).report
        return made[kind]

    return page


@pytest.fixture(params=[*(p.name for p in EXAMPLES), *SAMPLES])
def report(request, sample) -> Path:
    """Each page that a reader may get."""
    name: str = request.param
    return sample(name) if name in SAMPLES else ROOT / "reports" / "examples" / name
