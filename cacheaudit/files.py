"""Files appear whole or not at all."""

import os
from pathlib import Path

UNUSABLE = set('/\\:*?"<>|')  # in a folder's name, on one system or another


def write_whole(target: Path, content: bytes) -> Path:
    """Write *content* beside *target* under another name, then rename it into place."""
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target
