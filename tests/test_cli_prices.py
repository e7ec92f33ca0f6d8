"""Money on the command line: what has no price is told, and `--strict` makes it an error."""

import json

import pytest

from cacheaudit.history import hourly, planted_migration
from cacheaudit.sources.frame import write_usage

MODEL = "our-own-opus"
PRICES = (
    "provider,model,service_tier,context_window,region,speed,valid_from,"
    "uncached_input_usd_per_mtok,cache_read_usd_per_mtok,cache_write_5m_usd_per_mtok,"
    "cache_write_1h_usd_per_mtok,output_usd_per_mtok\n"
    "anthropic,{model},*,*,*,*,2026-01-01,5,0.5,6.25,10,25\n"
)


@pytest.fixture
def folder(tmp_path):
    """A folder with the usage of a migration to a model that no list knows, and its prices."""
    usage = hourly(planted_migration())
    usage["model"] = usage["model"].replace("claude-opus-4-6", MODEL)
    write_usage(usage, tmp_path / "usage.parquet")
    (tmp_path / "contract.csv").write_text(PRICES.format(model=MODEL), encoding="utf-8")
    return tmp_path


@pytest.mark.slow
def test_a_postmortem_with_unpriced_tokens_is_kept_and_says_so(folder, command):
    given = ["-p", "source", "frame", "-p", "path", "usage.parquet", "-p", "prices_path", ""]
    done = command("postmortem", *given, "--strict", cwd=folder)

    assert done.returncode == 1, done.stderr
    assert f"tokens of {MODEL} (the price list has no '{MODEL}'" in done.stderr
    assert "--strict: some tokens have no price" in done.stderr
    assert "Traceback" not in done.stderr
    (run,) = (folder / "reports").iterdir()
    findings = json.loads((run / "findings.json").read_text(encoding="utf-8"))
    assert findings["cost"]["unpriced"][0]["model"] == MODEL


def test_a_table_of_one_s_own_prices_them(folder, command):
    done = command(
        "causes", "usage.parquet", "-p", "prices_path", "contract.csv", "--strict", "--json",
        cwd=folder,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    findings = json.loads(done.stdout)
    assert findings["cost"]["unpriced"] == []
    assert findings["cost"]["total_usd"] > 0


def test_a_table_that_cannot_be_used_is_one_line_and_exit_1(folder, command):
    text = PRICES.format(model=MODEL).replace(",25\n", ",-25\n")
    (folder / "contract.csv").write_text(text, encoding="utf-8")

    done = command("causes", "usage.parquet", "-p", "prices_path", "contract.csv", cwd=folder)

    assert (done.returncode, done.stdout) == (1, "")
    assert "output_usd_per_mtok is '-25'" in done.stderr
    assert done.stderr.count("\n") == 1
