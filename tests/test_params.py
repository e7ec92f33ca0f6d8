"""Parameters are refused before a run, with a suggestion."""

import traceback

import pandas as pd
import pytest

from cacheaudit.cli.given import ago, params_of
from cacheaudit.errors import ParamError
from cacheaudit.mail_params import MailParams
from cacheaudit.params import PostmortemParams, read_params, read_params_file
from cacheaudit.readiness_params import ReadinessParams
from cacheaudit.rollout_params import WeeklyParams


def test_an_unknown_name_is_refused_with_the_nearest_known_one():
    with pytest.raises(ParamError, match="has no 'strat'; did you mean 'start'"):
        read_params(PostmortemParams, {"strat": "2026-03-01"})


@pytest.mark.parametrize(
    "url",
    ["https://u:S3CRET@host/v1", "https://S3CRET@host", "https://host/?key=S3CRET", "u:S3CRET@host",
     "https://host/#S3CRET", "https://[S3CRET"],
)  # fmt: skip
@pytest.mark.parametrize("kind", [PostmortemParams, WeeklyParams, ReadinessParams])
def test_an_endpoint_with_a_secret_is_refused_and_not_repeated(kind, url):
    versions = {"incumbent": "a", "candidate": "b"} if kind is ReadinessParams else {}
    with pytest.raises(ParamError, match="base_url") as raised:
        read_params(kind, versions | {"base_url": url})

    assert "S3CRET" not in str(raised.value)
    assert read_params(kind, versions | {"base_url": "https://host:8443/v1/x@y"}).base_url


@pytest.mark.parametrize(
    ("name", "value"),
    [("start", 3), ("minutes", "yes"), ("min_drop", "0.1"), ("min_drop", True),
     ("names", {"a": 1}), ("names", ["a"]), ("tokenizers", {"a": "b"})],
)  # fmt: skip
def test_a_wrong_type_is_refused_by_name(name, value):
    with pytest.raises(ParamError, match=f"^{name} is .*; expected"):
        read_params(PostmortemParams, {name: value})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"start": "2026-04-01", "end": "2026-03-01"}, "start 2026-04-01 is not before end"),
        ({"start": "soon"}, "start is 'soon'; expected a time such as"),
        ({"bucket": "2h"}, "bucket is '2h'; expected one of"),
        ({"min_drop": 3.0}, "expected a share in"),
        ({"bill_tolerance": 2.0}, "bill_tolerance is 2.0; expected a share in"),
    ],
)
def test_a_value_out_of_range_says_what_was_expected(given, words):
    with pytest.raises(ParamError, match=words):
        read_params(PostmortemParams, given)


def test_a_whole_number_is_good_for_a_float_and_times_are_utc():
    params = read_params(
        PostmortemParams,
        {"material_usd": 5, "start": "2026-03-01", "end": "2026-03-02T01:00+02:00"},
    )

    assert params.material_usd == 5
    assert params.window == (
        pd.Timestamp("2026-03-01", tz="UTC"),
        pd.Timestamp("2026-03-01T23:00", tz="UTC"),
    )


def test_a_file_with_a_bare_yaml_date_reads_as_text(tmp_path):
    file = tmp_path / "p.yaml"
    file.write_text("start: 2026-03-01\nname: x\n")

    params = read_params_file(PostmortemParams, file, {"name": "over"})

    assert (params.start, params.name) == ("2026-03-01", "over")


@pytest.mark.parametrize(
    ("text", "words"),
    [("- a\n", "holds a list; expected"), ("a: [", "is not YAML"), (None, "no parameter file at")],
)
def test_a_file_that_is_no_mapping_is_one_clear_error(tmp_path, text, words):
    file = tmp_path / "p.yaml"
    if text is not None:
        file.write_text(text)

    with pytest.raises(ParamError, match=words):
        read_params_file(PostmortemParams, file, {})


@pytest.mark.parametrize("kind", [PostmortemParams, WeeklyParams, ReadinessParams, MailParams])
def test_a_file_that_is_not_utf_8_is_one_clear_error(tmp_path, kind):
    file = tmp_path / "p.yaml"
    file.write_bytes("name: Prüfung\n".encode("latin-1"))

    with pytest.raises(ParamError, match=r"it is not text in UTF-8\); expected YAML"):
        read_params_file(kind, file, {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: x\npath: 's3://S3CRET\n", "is not YAML at line 3; expected"),
        ("store_label: S3CRET\nstart: 2026-02-30\n", "holds a date or a number that is none"),
    ],
)
def test_a_slip_in_a_file_is_told_without_its_lines(tmp_path, text, words):
    file = tmp_path / "p.yaml"
    file.write_text(text)

    with pytest.raises(ParamError, match=words) as raised:
        read_params_file(PostmortemParams, file, {})

    assert "S3CRET" not in "".join(traceback.format_exception(raised.value))


def test_a_day_that_is_none_is_refused_as_an_option_too():
    with pytest.raises(ParamError, match="start is '2026-02-30'; expected a time such as"):
        params_of(None, (("start", "2026-02-30"),))


def test_provenance_leaves_the_scratch_folder_out():
    assert "run_folder" not in PostmortemParams(run_folder="somewhere").to_dict()


@pytest.mark.parametrize("text", ["7d", "7D", "7 d", "168h", "7 days"])
def test_how_long_ago_is_said_as_people_say_it(text):
    assert ago(text) == pd.Timedelta(days=7)


@pytest.mark.parametrize("kind", [PostmortemParams, ReadinessParams, WeeklyParams])
@pytest.mark.parametrize("zone", ["Berlin", "Europe/Atlantis", "../../etc/passwd", "+01:00"])
def test_a_zone_that_nobody_knows_is_refused(kind, zone):
    with pytest.raises(ParamError, match="expected an IANA name"):
        kind(zone=zone)
