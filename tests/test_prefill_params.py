"""What a prefill is given is refused before a run, and mirrored by its notebook and its YAML."""

import re
from dataclasses import asdict, fields

import nbformat
import papermill
import pytest

from cacheaudit.errors import ParamError
from cacheaudit.params import read_params, read_params_file
from cacheaudit.prefill_params import PrefillParams
from cacheaudit.run import NOTEBOOKS
from tests.conftest import ROOT

ONE = {"model": "claude-opus-5-5"}
SECRET = "sk-not-a-real-one"


def parameters_cell():
    cells = nbformat.read(NOTEBOOKS / "prefill.ipynb", as_version=4).cells
    (cell,) = [c for c in cells if "parameters" in c.metadata.get("tags", [])]
    return cell.source


def test_the_parameters_cell_mirrors_the_dataclass():
    inferred = papermill.inspect_notebook(NOTEBOOKS / "prefill.ipynb")
    cell = {}
    exec(parameters_cell(), cell)  # literals only, as the next test holds it to

    assert list(inferred) == [f.name for f in fields(PrefillParams)]
    assert {name: cell[name] for name in inferred} == asdict(PrefillParams())


def test_every_parameter_has_its_help_in_the_cell():
    lines = parameters_cell().splitlines()

    assert all(re.fullmatch(r"[a-z_]+ = [^#]+  # [^=]+", line) for line in lines), lines


def test_the_parameter_file_holds_the_defaults_and_explains_each():
    path = ROOT / "params" / "prefill.yaml"
    explained = re.findall(r"^([a-z_]+):.*#", path.read_text(encoding="utf-8"), re.M)

    assert read_params_file(PrefillParams, path, {}) == PrefillParams()
    assert explained == [f.name for f in fields(PrefillParams)]


def test_every_parameter_is_explained_by_the_dataclass():
    text = PrefillParams.__doc__ or ""

    assert [f.name for f in fields(PrefillParams) if f"    {f.name}" not in text] == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"candidate": {}}, "no model; expected its id"),
        ({"candidate": {"model": 5}}, "model of candidate is int; expected str"),
        ({"candidate": ONE | {"modle": "x"}}, "has .*modle"),
        ({"candidate": ONE | {"headers": {"x": 1}}}, "header x of candidate is no text"),
        ({"candidate": ONE | {"base_url": f"https://{SECRET}@gateway.example"}}, "base_url of"),
        ({"cutover": "soon"}, "cutover is 'soon'; expected a time"),
        ({"lead_s": 0.0}, "lead_s is 0.0; expected a number above 0"),
        ({"requests_per_minute": float("inf")}, "requests_per_minute is inf"),
        ({"input_tokens_per_minute": -1.0}, "input_tokens_per_minute is -1.0; expected 0 or more"),
        ({"refresh_share": 1.0}, "refresh_share is 1; expected less"),
        ({"refresh_share": 0.0}, "refresh_share is 0.0; expected a share"),
        ({"warm_share": 1.5}, "warm_share is 1.5; expected a share"),
        ({"top": -1}, "top is -1; expected 0 or more"),
        ({"together": 33}, "together is 33; expected 1 to 32"),
        ({"together": 0}, "together is 0; expected 1 to 32"),
        ({"budget_usd": 0.0}, "budget_usd is 0.0"),
        ({"name": "../up"}, "expected a name that can be part of a folder"),
    ],
)
def test_a_value_out_of_range_says_what_was_expected(given, words):
    with pytest.raises(ParamError, match=words) as caught:
        PrefillParams(**given)

    assert SECRET not in str(caught.value)


def test_the_bounds_themselves_are_taken():
    taken = PrefillParams(together=32, warm_share=1.0, refresh_share=0.99, top=0, lifetime_s=0.0)

    assert (taken.together, taken.warm_share) == (32, 1.0)


def test_an_unknown_name_is_refused_with_the_nearest_known_one():
    with pytest.raises(ParamError, match="has no 'cut_over'; did you mean 'cutover'"):
        read_params(PrefillParams, {"cut_over": "2026-12-01"})


def test_provenance_leaves_places_out():
    places = {"run_folder", "receipts_path", "stop_path"}

    assert not places & set(PrefillParams().to_dict())
