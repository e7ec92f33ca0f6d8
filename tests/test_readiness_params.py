"""Parameters of the readiness page: one declaration, three ways to fill it."""

import re
from dataclasses import fields

import nbformat
import pandas as pd
import papermill
import pytest
import yaml

from cacheaudit.errors import ParamError
from cacheaudit.params import read_params, read_params_file
from cacheaudit.readiness_params import HELD, ReadinessParams
from cacheaudit.run import NOTEBOOKS
from tests.conftest import ROOT

DECLARED = {f.name: getattr(ReadinessParams(), f.name) for f in fields(ReadinessParams)}
YAML = ROOT / "params" / "readiness.yaml"


def cell():
    cells = nbformat.read(NOTEBOOKS / "readiness.ipynb", as_version=4).cells
    (found,) = [one for one in cells if "parameters" in one.metadata.get("tags", [])]
    return found.source


def test_the_cell_and_the_file_mirror_the_dataclass():
    assert list(papermill.inspect_notebook(NOTEBOOKS / "readiness.ipynb")) == list(DECLARED)
    held = {}
    exec(cell(), held)  # literals only; the test below holds it to that
    assert {name: held[name] for name in DECLARED} == DECLARED
    assert yaml.safe_load(YAML.read_text(encoding="utf-8")) == DECLARED


def test_every_parameter_has_its_help_in_cell_and_file():
    lines = cell().splitlines()
    told = re.findall(r"^([a-z_]+):.*?(#.*)$", YAML.read_text(encoding="utf-8"), re.M)

    assert all(re.fullmatch(r"[a-z_]+ = [^#]+  # [^=]+", line) for line in lines), lines
    assert [name for name, _ in told] == list(DECLARED)


def test_the_file_that_ships_is_accepted_and_an_unknown_name_is_not():
    assert read_params_file(ReadinessParams, YAML, {}) == ReadinessParams()
    with pytest.raises(ParamError, match="did you mean 'candidate'"):
        read_params(ReadinessParams, {"candidat": "x"})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"candidate": ""}, "expected two versions"),
        ({"candidate": "a", "incumbent": "a"}, "expected two versions"),
        ({"cutover": "soon"}, "expected a time such as"),
        ({"budget_usd": -1.0}, "budget_usd is -1.0; expected 0 or more"),
        ({"minimum_tokens": -5}, "expected 0 or more"),
        ({"rollback_days": 0.0}, "expected days above 0"),
        ({"readiness_share": 1.5}, "expected a share in"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_pulled(given, words):
    with pytest.raises(ParamError, match=words):
        ReadinessParams(**given)


@pytest.mark.parametrize(
    "text", ["2026-03-17T14:20", "2026-03-17T14:20Z", "2026-03-17T15:20+01:00"]
)
def test_a_cutover_is_in_utc(text):
    assert ReadinessParams(cutover=text).at == pd.Timestamp("2026-03-17 14:20", tz="UTC")
    assert ReadinessParams(cutover="").at is None


@pytest.mark.parametrize("name", HELD)
def test_the_bars_are_those_of_the_gates(name):
    assert getattr(ReadinessParams(**{name: 0.42}).bars, name) == 0.42


def test_the_window_is_the_baseline_s_days_unless_it_is_given():
    until = pd.Timestamp("2026-03-16 09:30", tz="UTC")

    assert ReadinessParams().pull(until).window == (
        pd.Timestamp("2026-03-09 09:00", tz="UTC"), pd.Timestamp("2026-03-16 09:00", tz="UTC")
    )  # fmt: skip
    given = ReadinessParams(start="2026-03-01", end="2026-03-08").pull(until)
    assert given.window[0] == pd.Timestamp("2026-03-01", tz="UTC")


def test_provenance_keeps_every_input_and_no_place():
    kept = set(ReadinessParams().to_dict())

    assert set(DECLARED) - kept == {"run_folder", "store_path"}
