"""What a probe measured, held against the causes: minimums, rates, a cold start on purpose."""

import json
from dataclasses import replace
from datetime import date

import pytest

from cacheaudit.causes import floors
from cacheaudit.causes.live import measured_alike, reproduced
from cacheaudit.errors import SchemaError, SourceError
from cacheaudit.findings import findings_of
from cacheaudit.live import Live, live_of
from cacheaudit.params import PostmortemParams
from cacheaudit.postmortem import investigate
from cacheaudit.report.live import live_pieces
from cacheaudit.sources.tables import read_live
from cacheaudit.words import share
from tests.cases import change, cohort
from tests.lives import NEW, OLD, answer, document, moved, rates


def test_a_minimum_that_was_measured_goes_before_the_documented_one():
    live = live_of(document(answer("smallest", "next", 4700, 4700, 4700, unit="tokens")))

    assert live.rule("anthropic", f"{NEW}-20260922").minimum_tokens == 4700
    assert live.rule("anthropic", NEW).evidence == "measured"
    assert live.rule("anthropic", NEW).checked_on == date(2026, 11, 20)
    assert live.rule("anthropic", OLD).evidence == "docs"
    assert live.rule("anthropic", OLD).minimum_tokens == 4096


def test_a_model_that_nobody_documented_has_the_measured_minimum():
    found = live_of(
        document(
            answer("smallest", "next", 128, 117, 128),
            candidates=[{"name": "next", "model": "own-model", "api": "chat", "provider": "own"}],
        )
    )

    assert found.rule("own", "own-model").minimum_tokens == 128
    assert found.rule("own", "other") is None


def test_a_measured_minimum_is_not_doubted():
    """1.5 times a documented minimum proves nothing; of a measured one it does."""
    to = change("chat", from_model=OLD, to_model=NEW, provider="anthropic")
    plain = cohort("chat", change=to)
    tokens = int(plain.before.cached_tokens_per_request / 1.5)
    documented = replace(plain.floor, minimum_tokens=tokens)
    measured = replace(documented, evidence="measured")

    assert floors.floor_verdict(replace(plain, floor=documented))[0] == "above"
    assert floors.floor_verdict(replace(plain, floor=measured))[0] == "far_above"


def test_a_version_that_caches_as_well_is_not_what_took_the_reads_away():
    alike = measured_alike(moved(rates((0.9, 0.86, 0.93), (0.91, 0.87, 0.94))))

    assert alike.decisive
    assert alike.text == (
        f"Probe of 2026-11-20, the team's own prompts: {share(0.91)} ({share(0.87)} to"
        f" {share(0.94)}) on claude-opus-5-5, {share(0.9)} ({share(0.86)} to {share(0.93)}) on"
        " claude-opus-4-6."
    )


@pytest.mark.parametrize("old", [(0.0, 0.0, 0.09), (0.2, 0.0, 0.85)])
def test_an_old_version_that_does_not_cache_either_acquits_nobody(old):
    """The probe did not do what production does: other bodies, another workspace."""
    found = measured_alike(moved(rates(old, (0.1, 0.06, 0.2))))

    assert (found.against, found.decisive, found.weight) == (False, False, 0)
    assert "nothing was reproduced" in found.text


def test_a_version_that_caches_worse_live_as_well_is_a_suspect():
    worse = measured_alike(moved(rates((0.9, 0.86, 0.93), (0.1, 0.05, 0.2))))

    assert (worse.against, worse.weight) == (False, 2)


@pytest.mark.parametrize(
    "live",
    [
        rates((0.9, 0.86, 0.93), (0.6, 0.2, 0.95)),
        rates((0.9, 0.86, 0.93), (0.1, 0.05, 0.2),
              provenance={"fetched_at": "2026-11-20", "params": {"prompts_path": ""}}),
    ],
)  # fmt: skip
def test_a_wide_interval_or_made_up_prompts_decide_nothing(live):
    found = measured_alike(moved(live))

    assert (found.against, found.weight, found.decisive) == (False, 0, False)


def test_a_probe_of_other_models_says_nothing():
    other = live_of(
        document(
            answer("hit_rate", "x", 0.9, 0.8, 0.95),
            candidates=[
                {"name": "x", "model": "gpt-5.4", "api": "responses", "provider": "openai"}
            ],
        )
    )

    assert measured_alike(moved(other)) is None
    assert reproduced(moved(other)) is None
    assert measured_alike(moved(None)) is None


def test_a_cold_start_made_on_purpose_is_shown_and_decides_nothing():
    why = "the new version read in 0 of 3, the old in 3; the provider says model_changed"
    found = reproduced(moved(live_of(document(answer("isolation", "next", why=why)))))

    assert (found.weight, found.decisive) == (0, False)
    assert found.text == (
        "Reproduced on 2026-11-20: of the same prefix claude-opus-5-5 read in 0 of 3, the old in 3;"
        " the provider says model_changed."
    )


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("no json", SourceError, "is no JSON"),
        ("[]", SchemaError, "names no kind"),
        (json.dumps({"kind": "postmortem"}), SchemaError, "findings of a postmortem"),
        (json.dumps({**document(), "executed": False}), SchemaError, "that was executed"),
    ],
)
def test_a_file_that_is_no_measurement_is_refused(tmp_path, text, error, words):
    path = tmp_path / "findings.json"
    path.write_text(text)

    with pytest.raises(error, match=words):
        read_live(path)


def test_what_is_read_is_what_was_written(tmp_path):
    path = tmp_path / "findings.json"
    path.write_text(json.dumps(document(answer("hit_rate", "now", 0.9, 0.8, 0.95))))

    assert isinstance(read_live(path), Live)
    assert read_live(path) == live_of(document(answer("hit_rate", "now", 0.9, 0.8, 0.95)))


@pytest.mark.slow
def test_the_answers_stand_beside_the_postmortem(tmp_path):
    """In the words and numbers of the probe's own page."""
    path = tmp_path / "findings.json"
    cold = answer("survival", "now", 0.0, 0.0, 0.5, detail="310", verdict="no", why="still warm")
    path.write_text(json.dumps(document(answer("hit_rate", "next", 0.9, 0.8, 0.95), cold)))
    with_probe = investigate(PostmortemParams(probe_path=str(path)))

    (piece,) = live_pieces(with_probe)
    text = piece.to_text()
    assert "Live, on 2026-11-20, with the team's own prompts" in text
    assert "90.0 % (80.0 % to 95.0 %)" in text
    assert "survival, 5.2 minutes" in text
    assert findings_of(with_probe)["probe"][1]["detail"] == "310"
    assert live_pieces(replace(with_probe, live=None)) == []
