"""How far each claim of tests/lessons lies from its threshold, and how far it scatters.

A claims test says ``assert accuracy(...) > 0.85``. This runs the tests with each such comparison
replaced by one that writes down both sides, so that the numbers of a table are measured and not
typed:

    python tests/portable/margins.py measure natural       one run, into build/margins/
    python tests/portable/margins.py measure start:1       start weights in the seventh digit
    python tests/portable/margins.py measure oldest
    python tests/portable/margins.py table                 what all runs have found, nearest first

What follows the setting is handed to pytest, for example ``-k plain``. Nothing fails here: a
comparison that does not hold is written down, too.
"""

from __future__ import annotations

import ast
import json
import math
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOUND = ROOT / "build" / "margins"
OLDEST = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "DNNL_MAX_CPU_ISA": "SSE41",
    "OPENBLAS_CORETYPE": "Nehalem",
}

CONFTEST = '''
import json, operator, os
import numpy as np
import pytest
import torch
from gradcourse.training import loop

OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
now = {}
batches, made = loop._batches, torch.optim.Optimizer.__init__


def training(function):
    def noted(*args, **named):
        now["trains"] = True
        return function(*args, **named)

    return noted


loop._batches, torch.optim.Optimizer.__init__ = training(batches), training(made)


@pytest.fixture(autouse=True)
def _where(request):
    spec = getattr(request.node, "callspec", None)
    params = dict(spec.params) if spec else {}
    now.update(test=request.node.originalname, trains=False, seed=params.pop("seed", None))
    now["params"] = ", ".join(f"{name} = {value}" for name, value in params.items())
    yield


def nearest(value, op, wanted):
    """The entry of an array that decides."""
    least = (op in ">>=") == wanted
    return float(np.min(value) if least else np.max(value))


def _claim(file, line, text, op, left, right, constant, wanted=True, label=""):
    """Write down one comparison, and say whether it holds."""
    if constant == "left":
        text, op, left, right = text, op.translate(str.maketrans("<>", "><")), right, left
    try:
        if op == "==" and hasattr(right, "expected"):
            low = float(right.expected) - right.tolerance
            row = {"value": float(left), "low": low, "high": 2 * float(right.expected) - low}
        elif constant == "none":
            gap = np.asarray(left, float) - np.asarray(right, float)
            row = {"value": nearest(gap, op, wanted), "bound": 0.0}
        else:
            row = {"value": nearest(np.asarray(left, float), op, wanted), "bound": float(right)}
    except (TypeError, ValueError):
        return
    row |= {"file": file, "line": line, "text": text, "op": op, "wanted": wanted, **now}
    row["label"] = "" if isinstance(label, int) else str(label)
    with open(os.environ["MARGINS"], "a") as out:
        out.write(json.dumps(row, default=str) + "\\n")
'''

TURNED = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "=="}


def is_constant(node: ast.expr) -> bool:
    """Whether an expression holds numbers only, like 0.9 / 6 or math.log(10)."""
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return names <= {"math", "np", "SIXTH"}


class Recorder(ast.NodeTransformer):
    """Replaces each assertion that compares numbers by calls of ``_claim``."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.assertions = 0

    def visit_Assert(self, node: ast.Assert) -> ast.AST | list[ast.stmt]:
        found = self.claims(node.test, node)
        return found if found else node

    def claims(self, test: ast.expr, node: ast.Assert, wanted: str = "True") -> list[ast.stmt]:
        if isinstance(test, ast.IfExp):
            body, other = (self.claims(part, node) for part in (test.body, test.orelse))
            return [ast.If(test.test, body, other)] if body and other else []
        if isinstance(test, ast.Call) and isinstance(test.func, ast.Attribute):
            inner = test.func.value
            return self.claims(inner, node) if test.func.attr == "all" else []
        if not isinstance(test, ast.Compare):
            return []
        equal = len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)
        if equal and isinstance(test.left, ast.Compare):
            return self.claims(test.left, node, ast.unparse(test.comparators[0]))
        if not all(type(op) in TURNED for op in test.ops):
            return []
        sides, names = [test.left, *test.comparators], []
        lines: list[str] = []
        for side in sides:
            self.assertions += 1
            names.append(f"_side{self.assertions}")
            lines.append(f"{names[-1]} = {ast.unparse(side)}")
        label = ast.unparse(node.msg) if node.msg else "''"
        for k, op in enumerate(test.ops):
            left, right = sides[k], sides[k + 1]
            text = ast.unparse(left)
            constant = "right" if is_constant(right) or isinstance(op, ast.Eq) else "none"
            if constant == "right" and is_constant(left):
                continue
            if is_constant(left):
                constant, text = "left", ast.unparse(right)
            elif constant == "none":
                text = f"{ast.unparse(left)} − {ast.unparse(right)}"
            lines.append(
                f"_claim({self.file!r}, {node.lineno}, {text!r}, {TURNED[type(op)]!r}, "
                f"{names[k]}, {names[k + 1]}, {constant!r}, {wanted}, {label})"
            )
        return ast.parse("\n".join(lines)).body


def measure(setting: str, options: list[str]) -> int:
    folder = FOUND / "tests"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "conftest.py").write_text(CONFTEST)
    for path in sorted((ROOT / "tests" / "lessons").glob("test_lesson_*.py")):
        tree = ast.fix_missing_locations(Recorder(path.stem).visit(ast.parse(path.read_text())))
        lines = ast.unparse(tree).split("\n")
        at = next(k for k, line in enumerate(lines) if line.startswith("from __future__")) + 1
        lines.insert(at, "from conftest import _claim")
        (folder / path.name).write_text("\n".join(lines) + "\n")
    out = FOUND / f"{setting.replace(':', '-')}.jsonl"
    env = {**os.environ, "MARGINS": str(out), "OMP_NUM_THREADS": "1"}
    env |= OLDEST if setting == "oldest" else {}
    env["OMP_NUM_THREADS"] = "2" if setting == "threads" else "1"
    if ":" in setting:
        env["GRADCOURSE_PERTURB"] = setting
        env["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), env.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "pytest", "-q", "--rootdir", str(folder)]
    command += ["-o", "addopts=", "-o", "pythonpath=.", str(folder), *options]
    return subprocess.run(command, env=env, cwd=ROOT).returncode


def rows() -> dict[tuple[str, ...], dict[str, list[dict]]]:
    """What was found: by claim, and by setting."""
    found: dict[tuple[str, ...], dict[str, list[dict]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(FOUND.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            key = tuple(str(row[k]) for k in ("file", "line", "test", "params", "label", "text"))
            found[*key, row["op"]][path.stem].append(row)
    return found


def distance(values: list[float], rows_of_claim: list[dict]) -> tuple[float, float]:
    """Return how far the nearest value lies from its threshold, and how far the values range."""
    gaps = []
    for row in rows_of_claim:
        if "low" in row:
            gaps.append(min(row["value"] - row["low"], row["high"] - row["value"]))
        else:
            gap = row["value"] - row["bound"]
            gaps.append(gap if (row["op"] in (">", ">=")) == row["wanted"] else -gap)
    return min(gaps), max(values) - min(values)


def number(value: float) -> str:
    return f"{value:.3g}".replace("e-0", "e-").replace("e+0", "e")


def table(only_training: bool = True) -> None:
    """Print the claims as a table of Markdown, those nearest to their threshold first."""
    lines = []
    for (file, line, test, params, label, text, op), runs in rows().items():
        every = [row for found in runs.values() for row in found]
        values = [row["value"] for row in every]
        if only_training and not any(row["trains"] for row in every):
            continue
        if not all(math.isfinite(value) for value in values):
            continue
        gap, span = distance(values, every)
        first = every[0]
        sign = {"<": "<", "<=": "<", ">": ">", ">=": ">"}.get(op, "")
        sign = sign if first["wanted"] else sign.translate(str.maketrans("<>", "><"))
        bound = (
            f"{number(first['low'])} to {number(first['high'])}"
            if "low" in first
            else f"{sign} {number(first['bound'])}"
        )
        spreads = "; ".join(
            f"{name} {number(statistics.median(own))}, {number(min(own))} to {number(max(own))}"
            for name, own in ((n, [r["value"] for r in found]) for n, found in runs.items())
        )
        words = ", ".join(word for word in (params, label) if word)
        what = f"`{text.replace('|', '∣')}`" + (f" ({words})" if words else "")
        ratio = gap / span if span else math.inf
        # A quantity that is the same in every run has no spread to be measured against.
        lines.append(
            (
                ratio,
                f"| {file[12:14]} | `{test}`, line {line} | {what} | {bound} | {spreads} | "
                f"{'–' if math.isinf(ratio) else f'{ratio:.1f}'} |",
            )
        )
    print("| lesson | test | quantity | claimed | median, lowest to highest | gap / range |")
    print("|---|---|---|---|---|---|")
    print("\n".join(row for _, row in sorted(lines)))


if __name__ == "__main__":
    if sys.argv[1] == "measure":
        sys.exit(measure(sys.argv[2], sys.argv[3:]))
    table()
