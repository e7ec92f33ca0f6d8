"""What every test can count on: UTC, no keys in the environment, no network but loopback."""

import os
import time
from pathlib import Path

import pytest
from pytest_socket import socket_allow_hosts

ROOT = Path(__file__).resolve().parent.parent
REAL_DATA = ROOT.parent / "shared" / "data"
KEYS = ("ANTHROPIC_", "OPENAI_", "AWS_")  # what the names of keys and endpoints begin with


def pytest_configure() -> None:
    os.environ["TZ"] = "UTC"
    time.tzset()


@pytest.fixture(autouse=True)
def _loopback_only():
    socket_allow_hosts(["127.0.0.1", "::1"], allow_unix_socket=True)  # kernels: unix sockets


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch):
    for name in [name for name in os.environ if name.startswith(KEYS)]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of public real data; a test that asks for it skips where it is absent."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"no real data at {REAL_DATA.relative_to(ROOT.parent)} beside the checkout")
    return REAL_DATA
