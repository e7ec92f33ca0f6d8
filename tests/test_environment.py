"""What is declared in one place and needed in three."""

import ast
import re
import tomllib

import yaml

from tests.conftest import ROOT

CONDA_NAMES = {
    "matplotlib-base": "matplotlib",
    "python-duckdb": "duckdb",
    "prometheus_client": "prometheus-client",
    "ibis-duckdb": "ibis-framework[duckdb]",
}


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_environment_yml_lists_what_pyproject_lists():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    plain = [d for d in conda if isinstance(d, str) and not re.match(r"(python[<>=]|pip$)", d)]
    named = {
        CONDA_NAMES.get(m[1], m[1]) + m[2] for d in plain if (m := re.match(r"([\w-]+)(.*)", d))
    }

    assert named == set(project()["dependencies"])
    assert {"pip": ["-e ."]} in conda
    assert f"python{project()['requires-python']}" in conda


def test_constraints_pin_every_dependency_by_name_and_version_alone():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines}
    extras = project()["optional-dependencies"]
    declared = [*project()["dependencies"], *extras["sandbox"], *extras["dev"], *extras["browser"]]
    names = {re.match(r"[\w-]+", d)[0].lower() for d in declared} - {"cacheaudit"}

    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.!+-]+", line) for line in lines)
    assert names <= pinned


def test_the_promised_extras_exist():
    assert {"spark", "postgres", "sandbox", "dev"} <= set(project()["optional-dependencies"])


def test_the_tests_are_collected_with_what_dev_installs():
    """Those of other extras import theirs where they run: `make test` reads every test file."""
    extras = project()["optional-dependencies"]
    further = [d for name in ("browser", "engines", "objects", "spark") for d in extras[name]]
    plain = {re.match(r"[\w-]+", d)[0] for d in further} - {"cacheaudit", "ibis-framework"}
    absent = {name.replace("-", "_") for name in plain} | {"psycopg"}
    early = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for name in imported_at_once(path) & absent
    ]

    assert {"playwright", "pyspark", "moto"} <= absent
    assert early == []


def imported_at_once(path):
    """Packages that importing *path* imports."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.split(".")[0])
    return found
