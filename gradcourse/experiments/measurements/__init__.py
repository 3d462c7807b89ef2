"""What takes longer than a page may: measured once by `make measurements`, and stored.

A stored measurement carries its seeds, the versions and the date, and a hash of the source that it
came from. A test compares the hash, so that numbers on a page are those of the code beside it.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gradcourse.support import GradcourseError, write_atomically

HERE = Path(__file__).parent
PACKAGE = HERE.parents[1]


@dataclass(frozen=True)
class Measurement:
    """One thing to be measured.

    Attributes
    ----------
    name : str
        Of its file: "signs".
    sources : tuple of str
        Modules whose change makes the stored numbers old, as paths below the package.
    items : tuple
        What is measured, one after the other: (name of a kind, seed), say.
    measure : callable
        From an item's parts to a row of plain data.
    fingerprint : callable
        From an item's parts to what it stands for; a row is measured again when that changes.
    seeds : int
        How many networks each number comes from, at least.
    """

    name: str
    sources: tuple[str, ...]
    items: tuple[tuple[Any, ...], ...]
    measure: Callable[..., dict[str, Any]]
    fingerprint: Callable[..., str] = lambda *item: ""
    seeds: int = 5

    @property
    def path(self) -> Path:
        """The file."""
        return HERE / f"{self.name}.json"

    @property
    def digest(self) -> str:
        """Hash of the sources as they are now; comments and docstrings do not count."""
        return digest(self.sources)


@dataclass(frozen=True)
class Stored:
    """What was measured.

    Attributes
    ----------
    rows : list of dict
    made, source : str
        The day, and the hash of the sources then.
    versions : dict
    seeds : int
        How many there are.
    """

    rows: list[dict[str, Any]]
    made: str
    source: str
    versions: dict[str, str]
    seeds: int

    def __repr__(self) -> str:
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return f"{len(self.rows)} rows, {self.seeds} seeds, measured {self.made} with {versions}"


def signs() -> Measurement:
    """The signs of lesson 10 on 216 networks."""
    from gradcourse.experiments.ward.patients import admit
    from gradcourse.experiments.ward.signs import examined, networks

    ward = ("recipe", "outcome", "signs")
    rooms = sorted(
        path.relative_to(PACKAGE).as_posix()
        for folder in ("diagnosis", "diagnosis/causes")
        for path in (PACKAGE / folder).glob("*.py")
    )
    sources = (
        *(f"experiments/ward/{name}.py" for name in ward),
        *(name for name in rooms if not name.endswith(("remedies.py", "__init__.py"))),
    )

    def recipe(key: str, seed: int) -> str:
        return hashlib.sha256(repr(admit(key, seed)).encode()).hexdigest()[:8]

    return Measurement("signs", sources, networks(), examined, recipe)


def plateau() -> Measurement:
    """Updates until the networks of lesson 08 leave the plateau of the adding problem."""
    from gradcourse.experiments.plateau import ITEMS, updates_to_leave

    return Measurement("plateau", ("experiments/plateau.py",), ITEMS, updates_to_leave)


def transformers() -> Measurement:
    """The trainings of lesson 11: small Transformers that learn to copy.

    A row holds its own recipe, and a test compares it with the one that is named now.
    """
    from gradcourse.experiments.copying import RUNS, row, seeds_of

    sources = (
        "nets/transformer.py",
        "experiments/copying/training.py",
        "experiments/copying/measured.py",
    )
    items = tuple((name, seed) for name in RUNS for seed in seeds_of(name))
    return Measurement(
        "transformers",
        sources,
        items,
        lambda name, seed: {"kind": name, **row(RUNS[name], seed)},
    )


def recall() -> Measurement:
    """Lesson 09's delayed recall: clipped, with Ω, from an orthogonal start, five times as long."""
    from gradcourse.experiments.recall import ITEMS, recall_row

    sources = ("experiments/recall.py", "training/omega.py")
    return Measurement("recall", sources, ITEMS, recall_row)


def eight_sigmoids() -> Measurement:
    """The trainings of lesson 02 that take longer than its page may."""
    from gradcourse.experiments.eight_sigmoids import ITEMS, measure

    sources = ("experiments/eight_sigmoids.py",)
    return Measurement("eight_sigmoids", sources, ITEMS, measure)


def long_runs() -> Measurement:
    """Lessons 04 and 05: five times the budget for what does not learn within it."""
    from gradcourse.experiments.long_runs import ITEMS, long_run

    return Measurement("long_runs", ("experiments/long_runs.py",), ITEMS, long_run)


def isometry() -> Measurement:
    """Lesson 05: 100 tanh layers from Gaussian and from orthogonal weights."""
    from gradcourse.experiments.isometry import ITEMS, isometry

    return Measurement("isometry", ("experiments/isometry.py",), ITEMS, isometry)


def fivefold() -> Measurement:
    """What does not learn in lessons 06 and 07, with five times the steps, and the controls."""
    from gradcourse.experiments.fivefold import ITEMS, trained_on

    return Measurement("fivefold", ("experiments/fivefold.py",), ITEMS, trained_on)


def depth_transfer() -> Measurement:
    """The best rates of lesson 07 by depth, for three sizes of the branches."""
    from gradcourse.experiments.depth_transfer import ITEMS, losses_by_rate

    sources = ("experiments/depth_transfer.py",)
    return Measurement("depth_transfer", sources, ITEMS, losses_by_rate)


def formats() -> Measurement:
    """The trainings of lesson 12 with weights in float32 and in bfloat16."""
    from gradcourse.experiments.modern.formats import ITEMS, training

    return Measurement("formats", ("experiments/modern/formats.py",), ITEMS, training)


def rates() -> Measurement:
    """The best rates of lesson 12, over width and depth."""
    from gradcourse.experiments.modern.rates import ITEMS, measured

    return Measurement("rates", ("experiments/modern/rates.py",), ITEMS, measured)


def scans() -> Measurement:
    """Updates until the networks of lesson 12 leave the plateau at 200 steps."""
    from gradcourse.experiments.modern.scans import ITEMS, updates_to_leave

    sources = ("experiments/modern/scans.py", "nets/min_gru.py")
    return Measurement("scans", sources, ITEMS, updates_to_leave)


def spikes() -> Measurement:
    """The accident of lesson 12 with Muon."""
    from gradcourse.experiments.modern.spikes import ITEMS, accident

    return Measurement("spikes", ("experiments/modern/spikes.py",), ITEMS, accident)


def claims() -> Measurement:
    """Every claim and every erratum at full size, but those that other measurements decide.

    A row is old when the file of its lesson's claims has changed, or an experiment that it uses.
    """
    from gradcourse.experiments.claim import all_claims, all_errata, claim_about, measured_now

    every = (*all_claims(), *all_errata())
    ids = tuple((claim.id,) for claim in every if claim.kept is None)
    return Measurement(
        "claims",
        (),
        ids,
        lambda id: measured_now(claim_about(id)),
        lambda id: digest(_experiments(claim_about(id).measure.__module__)),
    )


def maps() -> Measurement:
    """The arms of the verdict maps: each at four rates, three budgets, two widths, three seeds."""
    from gradcourse.experiments.maps.arms import SEEDS, measured
    from gradcourse.experiments.maps.plans import ARMS

    def row(name: str, width: int, seed: int) -> dict[str, Any]:
        return {"arm": name, "width": width, "seed": seed, **measured(ARMS[name], width)[seed]}

    return Measurement(
        "maps",
        ("experiments/maps/arms.py", "training/loop.py"),
        tuple((name, w, seed) for name, arm in ARMS.items() for w in arm.widths for seed in SEEDS),
        row,
        lambda name, width, seed: hashlib.sha256(repr(ARMS[name]).encode()).hexdigest()[:8],
        seeds=len(SEEDS),
    )


MEASUREMENTS: tuple[Callable[[], Measurement], ...] = (
    signs,
    plateau,
    transformers,
    eight_sigmoids,
    long_runs,
    isometry,
    fivefold,
    depth_transfer,
    recall,
    formats,
    rates,
    scans,
    spikes,
    claims,
    maps,
)


def _experiments(module: str) -> list[str]:
    """The file of a module, and those of the experiments that it imports, below the package."""
    file = Path(*module.split(".")[1:]).with_suffix(".py").as_posix()
    tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
    names = {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gradcourse.exper")
    }
    found = [Path(*str(name).split(".")[1:]).with_suffix(".py") for name in sorted(map(str, names))]
    known = [path.as_posix() for path in found if (PACKAGE / path).is_file()]
    return [file, *(path for path in known if path != "experiments/claim.py")]


def digest(sources: Sequence[str]) -> str:
    """Hash modules by what they do: their syntax trees without docstrings."""
    whole = hashlib.sha256()
    for name in sources:
        tree = ast.parse((PACKAGE / name).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list):
                node.body = [line for line in body if not _is_text(line)]  # type: ignore[attr-defined]
        whole.update(f"{name}\n{ast.dump(tree)}".encode())
    return whole.hexdigest()[:16]


def _is_text(line: Any) -> bool:
    return (
        isinstance(line, ast.Expr)
        and isinstance(line.value, ast.Constant)
        and isinstance(line.value.value, str)
    )


def stored(name: str) -> Stored:
    """Read what was measured.

    Raises
    ------
    GradcourseError
        If nothing of that name is stored.
    """
    path = HERE / f"{name}.json"
    if not path.is_file():
        raise GradcourseError(f"nothing is stored under {name!r}; `make measurements` measures it")
    state = json.loads(path.read_text(encoding="utf-8"))
    rows = state["rows"]
    seeds = len({row["seed"] for row in rows if "seed" in row}) or max(r["seeds"] for r in rows)
    return Stored(rows, state["made"], state["source"], state["versions"], seeds)


PICTURES: dict[str, str] = {
    "tensorboard_histograms": "TensorBoard's page of histograms: four panels, one for each of the "
    "first four matrices, the histograms of five steps behind each other. The axes are log2 of the "
    "gradient, and each panel has its own, from −34 to −18 for layer 1 and from −30 to −14 for "
    "layer 4, so that all four humps look alike.",
    "tensorboard_distributions": "TensorBoard's page of distributions: the same four matrices as "
    "bands over the steps, level in each panel. Each panel has its own axis: the band of layer 1 "
    "lies near −23, that of layer 4 near −18.",
}
"""Stored pictures of other programs' pages, and what they show in words."""


@dataclass(frozen=True)
class StoredPicture:
    """A picture of another program's page.

    Attributes
    ----------
    path : Path
    alt : str
    """

    path: Path
    alt: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        data = base64.b64encode(self.path.read_bytes()).decode()
        return {"image/png": data, "text/plain": self.alt}, {"image/png": {"alt": self.alt}}

    def __repr__(self) -> str:
        return self.alt


def picture(name: str) -> StoredPicture:
    """Return a stored picture by its name.

    Raises
    ------
    GradcourseError
        If there is none.
    """
    if name not in PICTURES:
        raise GradcourseError(f"no picture is called {name!r}: {', '.join(PICTURES)}")
    return StoredPicture(HERE / f"{name}.png", PICTURES[name])


def measure(wanted: Measurement, say: Callable[[str], None] = print, every: int = 10) -> Path:
    """Measure what is missing and store it; a run that was ended goes on where it was.

    Rows that were measured from another source are measured again.

    Parameters
    ----------
    wanted : Measurement
    say : callable
        Gets a line now and then.
    every : int
        Rows after which the file is written.
    """
    rows = _usable_rows(wanted)
    for k, item in enumerate(wanted.items):
        key = _key(item)
        if key in rows:
            continue
        rows[key] = wanted.measure(*item) | {"of": wanted.fingerprint(*item)}
        if (k + 1) % every == 0:
            _write(wanted, rows)
            say(f"{wanted.name}: {len(rows)} of {len(wanted.items)}")
    _write(wanted, rows)
    say(f"{wanted.name}: {len(rows)} rows in {wanted.path.name}")
    return wanted.path


def _key(item: Sequence[Any]) -> str:
    return " ".join(map(str, item))


def _usable_rows(wanted: Measurement) -> dict[str, dict[str, Any]]:
    if not wanted.path.is_file():
        return {}
    state = json.loads(wanted.path.read_text(encoding="utf-8"))
    if state["source"] != wanted.digest:
        return {}
    known = {_key(item): wanted.fingerprint(*item) for item in wanted.items}
    rows = zip(state["items"], state["rows"], strict=True)
    return {key: row for key, row in rows if known.get(key) == row.get("of", "")}


def _write(wanted: Measurement, rows: dict[str, dict[str, Any]]) -> None:
    import numpy
    import torch

    order = [_key(item) for item in wanted.items if _key(item) in rows]
    state = {
        "made": datetime.now(UTC).date().isoformat(),
        "source": wanted.digest,
        "versions": {"torch": torch.__version__, "numpy": numpy.__version__},
        "items": order,
        "rows": [rows[key] for key in order],
    }
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in state.pop("rows"))
    head = json.dumps(state, ensure_ascii=False)
    write_atomically(wanted.path, f'{head[:-1]}, "rows": [\n{lines}\n]}}\n')
