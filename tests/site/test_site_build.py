"""What a site is built from and where to: bad input is one line, and nothing foreign is touched."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from links import dead_links

import gradcourse as gc
from gradcourse.address import repository_of
from gradcourse.cli import main
from gradcourse.lessons import LESSONS
from gradcourse.site import build_site, reference, remembered, sources
from gradcourse.site.options import Options
from gradcourse.site.pages import Used
from gradcourse.support import GradcourseError
from gradcourse.symbols import SYMBOLS

ROOT = Path(__file__).parents[2]


def _refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["site", *words]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


def test_an_unknown_lesson_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = _refused(capsys, str(tmp_path / "out"), "77")
    assert "there is no lesson '77'" in said
    assert not (tmp_path / "out").exists()


def test_a_folder_with_foreign_files_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    assert "not a site of this course" in _refused(capsys, str(tmp_path))
    assert "is a file" in _refused(capsys, str(tmp_path / "thesis.tex"))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_the_command_hands_over_what_was_asked_and_says_where_the_pages_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Options] = []

    def build(options: Options) -> build_site.Built:
        asked.append(options)
        complaints = ("lessons/03: hm",) if options.solutions else ()
        return build_site.Built(options.out / "index.html", 59, 11.7, 30.0, complaints)

    monkeypatch.setattr(build_site, "build_site", build)
    out = tmp_path / "public"
    assert main(["site", str(out)]) == 0
    assert str(out / "index.html") in capsys.readouterr().out
    assert main(["site", str(out), "03", "--solutions"]) == 1
    assert "lessons/03: hm" in capsys.readouterr().out
    assert [(one.out, one.lessons, one.solutions) for one in asked] == [
        (out, (), False),
        (out, ("03",), True),
    ]


def test_a_missing_package_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_site, "NEEDED", ("sphinx_that_is_not_there",))
    said = _refused(capsys, str(tmp_path / "out"), "00")
    assert "sphinx_that_is_not_there is missing" in said
    assert "pip install 'gradcourse[site]'" in said


def test_a_repository_is_an_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = _refused(capsys, str(tmp_path / "out"), "00", "--repository", "my/course")
    assert "begins with https://" in said


def test_the_repository_is_one_setting(tmp_path: Path) -> None:
    assert repository_of(tmp_path) == ""
    (tmp_path / "pyproject.toml").write_text('[tool.gradcourse]\nrepository = "https://a.org/b/"\n')
    assert Options(tmp_path, tmp_path / "out").address() == "https://a.org/b"
    assert Options(tmp_path, tmp_path / "out", repository="").address() == ""


def test_only_our_own_files_are_removed(tmp_path: Path) -> None:
    pages, out = tmp_path / "pages", tmp_path / "out"
    _write(pages, "index.html", "lessons/03.html", ".buildinfo")
    build_site.hand_over(pages, out)
    _write(out, "CNAME")
    (pages / "lessons" / "03.html").unlink()
    _write(pages, "lessons/04.html")
    build_site.check_ours(out)
    build_site.hand_over(pages, out)
    assert _names(out) == {"CNAME", "index.html", "lessons/04.html", build_site.MARK}


def test_a_foreign_file_in_a_site_of_ours_is_not_overwritten(tmp_path: Path) -> None:
    pages, out = tmp_path / "pages", tmp_path / "out"
    _write(pages, "index.html")
    build_site.hand_over(pages, out)
    _write(pages, "lessons.html")
    (out / "lessons.html").write_text("mine")
    with pytest.raises(GradcourseError, match="would be overwritten"):
        build_site.hand_over(pages, out)
    assert (out / "lessons.html").read_text() == "mine"


def test_a_list_of_files_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    pages, out = tmp_path / "pages", tmp_path / "out"
    _write(pages, "index.html")
    _write(tmp_path, "thesis.tex")
    out.mkdir()
    (out / build_site.MARK).write_text(json.dumps({"files": ["../thesis.tex"]}))
    build_site.hand_over(pages, out)
    assert (tmp_path / "thesis.tex").exists()


def test_a_result_holds_until_what_it_was_computed_from_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "PACKAGE", tmp_path)
    _write(tmp_path, "demos/recurrent.py", "demos/relu.py", "figures/wire.py", "site/knob_grid.py")
    options = Options(tmp_path, tmp_path / "out")

    def place() -> Path:
        return remembered.Remembered.of(options).place("knob_grid", "recurrent/scalar")

    first = place()
    (tmp_path / "demos" / "relu.py").write_text("another lesson's")
    assert place() == first
    changed = {first}
    for name in ("demos/recurrent.py", "figures/wire.py", "site/knob_grid.py"):
        (tmp_path / name).write_text("changed")
        changed.add(place())
    assert len(changed) == 4


def test_of_older_results_nothing_is_left(tmp_path: Path) -> None:
    kept = remembered.Remembered(tmp_path, "old", 5)
    old = kept.place("quiz", "recurrent/lag-fifty")
    kept.keep(old, "1.0")
    new = remembered.Remembered(tmp_path, "new", 5)
    new.keep(new.place("quiz", "recurrent/lag-fifty"), "2.0")
    assert not old.exists()
    assert new.place("quiz", "recurrent/lag-fifty").read_text() == "2.0"


def test_every_letter_is_on_the_page_of_letters(tmp_path: Path) -> None:
    options = Options(ROOT, tmp_path / "out", ("03",), repository="")
    page = sources.texts(sources.Notebooks(options, {}), {}, Used())["lessons/letters.md"]
    rows = [line for line in page.splitlines() if line.startswith("| $")]
    assert [row.split("$")[1] for row in rows] == [symbol.tex for symbol in SYMBOLS]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {4}
    linked = {symbol.lesson for symbol, row in zip(SYMBOLS, rows, strict=True) if "](" in row}
    assert linked == {"03"}


def test_every_public_name_is_in_the_reference() -> None:
    groups = reference.grouped()
    names = [name for names in groups.values() for name in names]
    assert len(names) == len(set(names))
    modules = {"data", "nets", "theory"}
    assert set(gc.__all__) - modules <= set(names)
    assert {f"theory.{name}" for name in gc.theory.__all__} <= set(names)
    assert set(groups) <= set(reference.FLOORS)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_whole_course_is_built_without_a_complaint(tmp_path: Path) -> None:
    """Every lesson, exercise and guide, the whole reference; then once more, where all is known."""
    options = Options(ROOT, tmp_path / "out", repository="", cache=tmp_path / "cache", frames=200)
    built = build_site.build_site(options)
    assert built.complaints == ()
    assert built.megabytes <= 20
    assert dead_links(tmp_path / "out") == []
    pages = _names(tmp_path / "out")
    for row in LESSONS:
        assert row.notebook.replace(".ipynb", ".html") in pages
        assert row.exercises.replace(".ipynb", ".html") in pages or not row.earns
    assert not any(name.startswith("solutions/") for name in pages)
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.html")}
    assert build_site.build_site(options).complaints == ()
    assert {path: path.read_bytes() for path in before} == before


def _write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def _names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
