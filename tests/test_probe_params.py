"""What a probe is given is refused before a run, and mirrored by its notebook and its YAML."""

import re
from dataclasses import asdict, fields

import nbformat
import papermill
import pytest

from cacheaudit.errors import ParamError
from cacheaudit.params import read_params, read_params_file
from cacheaudit.probe_params import ProbeParams
from cacheaudit.run import NOTEBOOKS
from tests.conftest import ROOT

ONE = {"model": "claude-opus-5-5"}
GPT = {"model": "gpt-5.6-sol", "api": "responses"}
SECRET = "sk-not-a-real-one"


def parameters_cell():
    cells = nbformat.read(NOTEBOOKS / "probe.ipynb", as_version=4).cells
    (cell,) = [c for c in cells if "parameters" in c.metadata.get("tags", [])]
    return cell.source


def test_the_parameters_cell_mirrors_the_dataclass():
    inferred = papermill.inspect_notebook(NOTEBOOKS / "probe.ipynb")
    cell = {}
    exec(parameters_cell(), cell)  # literals only, as the next test holds it to

    assert list(inferred) == [f.name for f in fields(ProbeParams)]
    assert {name: cell[name] for name in inferred} == asdict(ProbeParams())


def test_every_parameter_has_its_help_in_the_cell():
    lines = parameters_cell().splitlines()

    assert all(re.fullmatch(r"[a-z_]+ = [^#]+  # [^=]+", line) for line in lines), lines


def test_the_parameter_file_holds_the_defaults_and_explains_each():
    path = ROOT / "params" / "probe.yaml"
    explained = re.findall(r"^([a-z_]+):.*#", path.read_text(encoding="utf-8"), re.M)

    assert read_params_file(ProbeParams, path, {}) == ProbeParams()
    assert explained == [f.name for f in fields(ProbeParams)]


def test_an_unknown_name_is_refused_with_the_nearest_known_one():
    with pytest.raises(ParamError, match="has no 'budget'; did you mean 'budget_usd'"):
        read_params(ProbeParams, {"budget": 3})


@pytest.mark.parametrize(
    ("name", "value"),
    [("candidates", ONE), ("candidates", ["claude-opus-5-5"]), ("paces_s", 5.0),
     ("paces_s", ["5"]), ("questions", [1]), ("execute", "yes"), ("pairs", 2.5), ("pairs", True)],
)  # fmt: skip
def test_a_wrong_type_is_refused_by_name(name, value):
    with pytest.raises(ParamError, match=f"^{name} is .*; expected"):
        read_params(ProbeParams, {name: value})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"candidates": []}, "candidates is empty; expected at least one"),
        ({"candidates": [{}]}, "candidate 1 has no model; expected its id"),
        ({"candidates": [{"model": 5}]}, "model of candidate 1 is int; expected str"),
        ({"candidates": [ONE | {"incumbent": "yes"}]}, "incumbent of candidate 1 is str"),
        ({"candidates": [ONE | {"modle": "x"}]}, "candidate 1 has .*modle"),
        ({"candidates": [ONE, ONE]}, "two candidates are called"),
        ({"candidates": [ONE, GPT], "prompts_path": "p"}, "messages and responses.*two runs"),
        ({"questions": ["hitrate"]}, "questions has 'hitrate'; expected some of caches"),
        ({"questions": []}, "questions is empty or names one twice"),
        ({"repeats": 1}, "repeats is 1; expected at least 2"),
        ({"pairs": 201}, "pairs is 201; expected at most 200"),
        ({"repeats": 1001}, "repeats is 1001; expected at most 1000"),
        ({"follow_ups": 101}, "follow_ups is 101; expected at most 100"),
        ({"idle_repeats": 101}, "idle_repeats is 101; expected at most 100"),
        ({"together": 33}, "together is 33; expected at most 32"),
        ({"words": 5}, "words is 5; expected 0 or at least 64"),
        ({"budget_usd": 0.0}, "budget_usd is 0.0; expected a number above 0"),
        ({"budget_usd": float("inf")}, "budget_usd is inf"),
        ({"paces_s": [-1.0]}, "paces_s holds -1.0; expected seconds from 0 on"),
        ({"idle_s": []}, "idle_s is empty"),
        ({"name": "../up"}, "expected a name that can be part of a folder"),
    ],
)
def test_a_value_out_of_range_says_what_was_expected(given, words):
    with pytest.raises(ParamError, match=words):
        ProbeParams(**given)


def test_the_bounds_themselves_are_taken():
    most = {"pairs": 200, "repeats": 1000, "follow_ups": 100, "idle_repeats": 100, "together": 32}
    least = {"pairs": 1, "repeats": 2, "follow_ups": 1, "idle_repeats": 1, "together": 2}

    assert [asdict(ProbeParams(**given)) | given for given in (most, least)] == [
        asdict(ProbeParams(**given)) for given in (most, least)
    ]


@pytest.mark.parametrize(
    "extra",
    [
        {"base_url": f"https://me:{SECRET}@gateway.example"},
        {"base_url": f"https://gateway.example/?key={SECRET}"},
        {"headers": {"Helicone-Auth": f"Bearer {SECRET}"}},
        {"headers": {"x-forwarded": f"Bearer {SECRET}"}},
        {"headers": {"x-api-key": SECRET}},
        {"key_variable": f"{SECRET}"},
        {"api_key": SECRET},
    ],
)
def test_what_may_be_a_secret_is_refused_and_not_repeated(extra):
    """Parameters are written into the notebook and the report."""
    with pytest.raises(ParamError) as caught:
        ProbeParams(candidates=[ONE | extra])

    assert SECRET not in str(caught.value)


def test_a_secret_by_the_name_of_its_variable_is_taken():
    params = ProbeParams(candidates=[ONE | {"headers": {"Helicone-Auth": "$HELICONE"}}])

    assert params.asked[0].headers == {"Helicone-Auth": "$HELICONE"}


def test_provenance_leaves_places_out():
    assert not {"run_folder", "receipts_path"} & set(ProbeParams().to_dict())
