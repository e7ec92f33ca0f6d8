"""Metrics, rules and dashboard say what the gates say, with the same thresholds."""

import json
import math
import re

import pandas as pd
import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as older_families

from cacheaudit.gates import GateBars
from cacheaudit.history import hourly, planted_migration
from cacheaudit.rollout import watch
from cacheaudit.rollout_params import WATCHED, WeeklyParams
from cacheaudit.sources.frame import write_usage
from cacheaudit.telemetry import (
    alert_rules,
    alert_text,
    dashboard,
    dashboard_text,
    json_line,
    metrics_text,
)
from cacheaudit.telemetry.series import ALL, COHORT, PREFIX
from cacheaudit.weekly import observe, watch_cutover
from tests.cutovers import CUTOVER, OLD, START, cohort, planted, split
from tests.weeks import cohort as weeks_cohort
from tests.weeks import usage_of

NAME = re.compile(rf"{PREFIX}[a-z_]+")
EXPORTED = {PREFIX + series.name for series in ALL}
OTHER = {  # another value for each bar that is watched, and how a rule holds it
    "rollout_window_share": (0.37, "0.37"), "rollout_window_hours": (5.5, "19800"),
    "recovered_at_share": (0.83, "0.83"), "recovery_hours": (30.0, "108000"),
    "telemetry_share": (0.93, "0.93"),
}  # fmt: skip


@pytest.fixture(scope="module")
def rollout():
    """The sample's migration: one workspace is back, one reads nothing."""
    return watch(hourly(planted_migration()))


def families(text):
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(found, name, **labels):
    """The one sample of *name* that has *labels*."""
    (sample,) = [
        s for s in found[PREFIX + name].samples if labels.items() <= s.labels.items()
    ]  # fmt: skip
    return sample.value


def test_the_text_parses_strictly_and_says_what_was_judged(rollout):
    found = families(metrics_text(rollout))
    long, short = rollout.groups
    lost = {"scope": "support-chat", "model": "claude-opus-4-6"}

    assert set(found) == EXPORTED
    assert all(family.type == "gauge" for family in found.values())
    assert value(found, "hit_rate", scope="claims-review") == long.recent.rate
    assert value(found, "baseline_hit_rate", **lost) == short.recent.usual
    assert value(found, "uncached_share", **lost) == 1.0
    assert value(found, "gate", gate="recovery", standing="fail", **lost) == 1.0
    assert value(found, "gate", gate="recovery", standing="pass", **lost) == 0.0
    assert value(found, "gate_bar", gate="rollout_window", **lost) == short.window.bar
    assert value(found, "cutover_timestamp_seconds", **lost) == short.start.timestamp()
    assert value(found, "rollout_verdict", verdict="late") == 1.0
    assert value(found, "reporting_share") == 1.0


def test_readers_of_the_older_text_format_take_it_too(rollout):
    names = {family.name for family in older_families(metrics_text(rollout))}

    assert names == EXPORTED


def test_what_is_not_known_is_absent_and_never_zero():
    """Without cache fields there is no rate; a full cutover that is not there has no time."""
    usage = split(planted(), 0.4)
    late = usage["bucket_end"] > CUTOVER
    blind = watch(usage.assign(cache_read_tokens=usage["cache_read_tokens"].mask(late)))
    found, line = families(metrics_text(blind)), json.loads(json_line(blind))

    absent = {"hit_rate", "hit_rate_high", "baseline_hit_rate", "write_share", "gate_value"}
    assert not {PREFIX + name for name in absent} & set(found)
    assert PREFIX + "full_cutover_timestamp_seconds" not in found
    assert value(found, "gate", gate="recovery", standing="unknown") == 1.0
    assert line["cohorts"][0]["hit_rate"] is None
    assert line["cohorts"][0]["full"] is None


def test_hostile_names_stay_inside_their_labels(rollout):
    nasty = 'a"}\n# EOF\ncacheaudit_hit_rate{x="\\'
    found = families(metrics_text(watch(planted().assign(scope=nasty), cutover=CUTOVER)))

    assert {s.labels["scope"] for s in found[PREFIX + "hit_rate"].samples} == {nasty}


@pytest.mark.slow
def test_small_cohorts_of_a_group_share_their_labels():
    small = [cohort(scope=f"small-{n}", prefixes=4, touches_per_ttl=0.6) for n in range(3)]
    usage = planted(cohort(prefixes=60, touches_per_ttl=3.0), *small)
    found = families(metrics_text(watch(usage, cutover=CUTOVER)))
    scopes = [s.labels["scope"] for s in found[PREFIX + "hit_rate"].samples]

    assert scopes == ["chat", "(several)"]


def test_the_line_is_one_line_and_has_each_gate(rollout):
    text = json_line(rollout)
    short = json.loads(text)["cohorts"][1]

    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert short["gates"]["recovery"]["standing"] == "fail"
    assert {*COHORT, "hit_rate", "baseline_hit_rate", "write_share", "uncached_share"} <= set(short)


def test_without_a_cutover_only_the_frame_is_exported():
    found = families(metrics_text(watch(planted(cohort(versions=((START, OLD),))))))

    assert value(found, "rollout_verdict", verdict="no_cutover") == 1.0
    assert PREFIX + "gate" not in found


def test_the_rules_have_the_form_that_prometheus_reads():
    """Held to the fields of its own documents; promtool 2.42 takes and fires them."""
    read = yaml.safe_load(alert_text(GateBars()))
    (group,) = read["groups"]

    assert read == alert_rules(GateBars())
    assert set(group) == {"name", "rules"}
    assert len({rule["alert"] for rule in group["rules"]}) == len(group["rules"]) == 5
    for rule in group["rules"]:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"\d+[smhd]", rule["for"])
        assert rule["expr"].count("(") == rule["expr"].count(")")
        assert set(NAME.findall(rule["expr"])) <= EXPORTED
        named = re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])
        assert set(named) <= {*COHORT, "gate"}


@pytest.mark.parametrize("name", sorted(OTHER))
def test_a_threshold_that_changes_in_the_parameters_changes_in_the_rules(name):
    number, held = OTHER[name]
    before, after = alert_text(GateBars()), alert_text(GateBars(**{name: number}))

    assert held not in before
    assert held in after


def test_no_watched_threshold_is_left_out_of_the_rules():
    assert set(OTHER) == set(WATCHED) - {"baseline_days"}  # that one is in the exported baseline


def test_the_two_rate_rules_say_what_the_gates_say(rollout):
    """Read as they stand: below a share of the baseline, and so long after the cutover."""
    window, recovery = alert_rules(rollout.bars)["groups"][0]["rules"][:2]
    found = families(metrics_text(rollout))
    form = re.compile(
        rf"{PREFIX}hit_rate_high < ([\d.]+) \* {PREFIX}baseline_hit_rate"
        rf" and \(time\(\) - {PREFIX}(\w+)\) > (\d+)"
    )
    now = value(found, "data_end_timestamp_seconds")
    for rule, gate in ((window, "rollout_window"), (recovery, "recovery")):
        share, since, after_s = form.fullmatch(rule["expr"]).groups()
        for scope in ("claims-review", "support-chat"):
            fires = value(found, "hit_rate_high", scope=scope) < float(share) * value(
                found, "baseline_hit_rate", scope=scope
            ) and now - value(found, since, scope=scope) > float(after_s)
            failed = value(found, "gate", scope=scope, gate=gate, standing="fail") == 1

            assert fires == failed


def test_the_dashboard_draws_exported_series_and_the_bars():
    made = dashboard(GateBars(rollout_window_share=0.37, telemetry_share=0.93))
    exprs = [target["expr"] for panel in made["panels"] for target in panel["targets"]]
    places = [tuple(panel["gridPos"].values()) for panel in made["panels"]]
    telemetry = next(p for p in made["panels"] if "cache fields" in p["title"])

    assert json.loads(dashboard_text(GateBars())) == dashboard(GateBars())
    assert {name for expr in exprs for name in NAME.findall(expr)} <= EXPORTED
    assert any(f"0.37 * {PREFIX}baseline_hit_rate" in expr for expr in exprs)
    assert telemetry["fieldConfig"]["defaults"]["thresholds"]["steps"][1]["value"] == 0.93
    assert len({panel["id"] for panel in made["panels"]}) == len(set(places)) == len(places)
    assert all(
        len({t["refId"] for t in panel["targets"]}) == len(panel["targets"])
        for panel in made["panels"]
    )


def test_the_command_writes_files_whole_and_exits_as_weekly_does(tmp_path, command):
    done = command(
        "telemetry", "--metrics", "m.txt", "--alerts", "a.yaml", "--dashboard", "d.json",
        "-p", "rollout_window_share", "0.37", cwd=tmp_path,
    )  # fmt: skip

    assert done.returncode == 3, done.stderr
    assert {p.name for p in tmp_path.iterdir()} == {"m.txt", "a.yaml", "d.json"}
    assert "0.37 *" in (tmp_path / "a.yaml").read_text()
    assert math.isclose(
        value(families((tmp_path / "m.txt").read_text()), "gate_bar", gate="rollout_window",
              scope="support-chat"),
        0.37 * 0.884, rel_tol=0.01,
    )  # fmt: skip


def test_rules_need_no_data_and_the_terminal_is_a_place(tmp_path, command):
    done = command(
        "telemetry", "--alerts", "-", "-p", "source", "frame", "-p", "path", "none", cwd=tmp_path
    )

    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(done.stdout) == alert_rules(GateBars())


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "give at least one of --metrics"),
        (["--alerts", "nowhere/a.yaml"], 1, "could not be written"),
        (["--metrics", "-", "-p", "source", "frame", "-p", "path", "none.csv"], 1, "none.csv"),
    ],
)
def test_what_cannot_be_done_is_one_line(tmp_path, command, words, code, said):
    done = command("telemetry", *words, cwd=tmp_path)

    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def usage_file(tmp_path):
    """A month without a cutover, that ends 2026-11-09."""
    write_usage(usage_of(weeks_cohort()), tmp_path / "usage.parquet")
    return tmp_path / "usage.parquet"


@pytest.mark.parametrize(
    ("clock", "code", "said"),
    [("2026-11-09T01:00", 0, ""), ("2026-11-20T01:00", 4, "this data ends 11 days before now")],
)
def test_data_that_is_not_of_now_is_no_pass(
    tmp_path, usage_file, command, monkeypatch, clock, code, said
):
    monkeypatch.setenv("CACHEAUDIT_NOW", clock)
    done = command(
        "telemetry", "--metrics", "-", "-p", "source", "frame", "-p", "path", str(usage_file),
        cwd=tmp_path,
    )  # fmt: skip

    assert done.returncode == code, done.stderr
    assert said in done.stderr.replace("\u00a0", " ")
    assert families(done.stdout)


def test_it_says_what_the_weekly_page_says(tmp_path):
    write_usage(hourly(planted_migration()), tmp_path / "usage.parquet")
    params = WeeklyParams(source="frame", path=str(tmp_path / "usage.parquet"))
    now = pd.Timestamp("2026-04-01T01:00", tz="UTC")
    rollout, doubts = watch_cutover(params, now=now)
    page = observe(params, now=now)

    assert metrics_text(rollout) == metrics_text(page.rollout)
    assert json_line(rollout) == json_line(page.rollout)
    assert doubts == page.doubts == ()
