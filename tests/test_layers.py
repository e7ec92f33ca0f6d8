"""Data flows one way: a module imports only from layers above it in this list."""

import ast
from pathlib import Path

import cacheaudit

PACKAGE = Path(cacheaudit.__file__).parent

LAYERS = [
    ["errors", "bars", "words", "files", "model_ids", "moments"],
    ["credentials"],
    ["schema", "params", "rules", "show", "buckets", "gates", "clock"],
    [
        "price_list",
        "price_table",
        "metrics",
        "noise",
        "scan",
        "warming",
        "body",
        "request_table",
        "store",
        "live",
        "wilson",
        "rollout_params",
        "readiness_params",
        "mail_params",
    ],
    ["pricing", "changes", "history", "quality", "engine", "owners", "cached_lengths"],
    ["cost", "events", "traffic", "logs"],
    ["sources", "deploys", "incidents", "sandbox", "bridge", "probing", "replaying", "rollout"],
    [
        "causes",
        "plots",
        "recovery",
        "habits",
        "probe_params",
        "prefill_params",
        "prompts",
        "aliases",
        "telemetry",
        "finished",
        "planning",
    ],
    [
        "excess",
        "money_plots",
        "traffic_plots",
        "probe_plots",
        "prefilling",
        "rollout_plots",
        "plan_plots",
        "calibration",
    ],
    ["diagnosis"],
    ["postmortem", "measurement", "weekly", "readiness"],
    ["report"],
    ["findings", "ticket", "render", "patient"],
    ["probe_findings", "weekly_findings", "readiness_findings", "mailing", "verification"],
    ["run", "prefill_findings"],
    ["demo", "scheduling"],
    ["cli"],
]
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}


def room(path: Path) -> str:
    """Top-level module of the package that *path* belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Top-level modules of the package that *path* imports, wherever in the file."""
    depth = len(path.relative_to(PACKAGE).parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            names = [node.module] if node.module else [a.name for a in node.names]
            found |= {name.split(".")[0] for name in names}
    return found


def modules() -> list[Path]:
    front_doors = ("__init__.py", "__main__.py")  # they import from anywhere
    return [
        p for p in sorted(PACKAGE.rglob("*.py")) if p.parent != PACKAGE or p.name not in front_doors
    ]


def test_every_module_has_its_place():
    assert {room(p) for p in modules()} == set(RANK)


def test_imports_point_backwards_only():
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in modules()
        for name in imports(path)
        if name in RANK and name != room(path) and RANK[name] >= RANK[room(path)]
    ]

    assert wrong == []


def test_the_pure_core_touches_no_clock_network_or_disk():
    pure = {"metrics", "noise", "scan", "changes", "events", "quality", "incidents", "cost"}
    pure |= {"causes", "traffic", "excess", "diagnosis", "recovery", "warming", "history", "habits"}
    pure |= {"rollout", "telemetry", "calibration"}
    forbidden = {"datetime", "time", "pathlib", "os", "socket", "httpx2", "anthropic", "openai"}
    for path in modules():
        if room(path) in pure:
            tree = ast.parse(path.read_text(encoding="utf-8"))

            assert not outside(tree) & forbidden, path


def outside(tree: ast.AST) -> set[str]:
    """Packages that a module imports from outside this one."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").split(".")[0])
    return found
