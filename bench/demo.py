"""The demo, start to HTML, against an empty notebook with the same imports through papermill and
nbconvert: what the kit adds to the price of a notebook. Prints the medians and their ratio."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

RUNS = 3
IMPORTS = """from cacheaudit.findings import write_run
from cacheaudit.params import PostmortemParams
from cacheaudit.postmortem import investigate
from cacheaudit.report import aftermath, figures, front, incident, money, supporting"""
RIVAL = """
import sys
from pathlib import Path
import cacheaudit.run, cacheaudit.demo, cacheaudit.sandbox.app
import papermill
from nbconvert import HTMLExporter
papermill.execute_notebook(sys.argv[1], sys.argv[2], progress_bar=False)
Path(sys.argv[2] + ".html").write_text(HTMLExporter().from_filename(sys.argv[2])[0])
"""


def seconds(words: list[str], folder: Path) -> float:
    """Wall seconds of one process, start to end."""
    start = time.perf_counter()
    subprocess.run(words, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Interleave the two, RUNS times each after one warm-up."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        empty = new_notebook(cells=[new_code_cell(IMPORTS)])
        empty.metadata["kernelspec"] = {"name": "python3", "display_name": "", "language": "python"}
        nbformat.write(empty, folder / "empty.ipynb")
        ours = [sys.executable, "-m", "cacheaudit", "demo", "--out", "reports"]
        rival = [sys.executable, "-c", RIVAL, "empty.ipynb", "executed.ipynb"]
        pairs = [(seconds(ours, folder), seconds(rival, folder)) for _ in range(RUNS + 1)][1:]
    demo, bare = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"demo, start to HTML            {demo:6.2f} s  (median of {RUNS})")
    print(f"empty papermill + nbconvert    {bare:6.2f} s")
    print(f"ratio                          {ratio:6.2f}   (to reach: 1.50)")


if __name__ == "__main__":
    main()
