"""The pages of reports/examples: `make examples` runs this."""

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from .demo import run_demo


def write_examples(target: Path) -> Path:
    """Make the demo's page and put it into *target* as postmortem-migration.html."""
    target.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as scratch:
        run = run_demo(Path(scratch))
        page = target / "postmortem-migration.html"
        shutil.copyfile(run.report, page)
    return page


if __name__ == "__main__":
    write_examples(Path(sys.argv[1]))
