"""A notebook becomes one page that fetches nothing, with panels, pictures and formulas in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.dom import minidom

import nbformat
import pytest
from nbformat import v4

from gradcourse import cli
from gradcourse.support import GradcourseError
from gradcourse.workcopy.export import export
from gradcourse.workcopy.mathml import mathml

ROOT = Path(__file__).parents[2]
WIDGET = {"model_id": "0123", "version_major": 2, "version_minor": 0}
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
    "AAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def executed() -> nbformat.NotebookNode:
    """What JupyterLab saves after a run: widgets, and beside them what stands for them."""
    view = "application/vnd.jupyter.widget-view+json"
    panel = {view: WIDGET, "text/html": "<p>Where is it 0?</p><b>right</b>", "text/plain": "right"}
    figure = {view: WIDGET, "image/png": PIXEL, "text/plain": "falls from 1 to 0"}
    outputs = [v4.new_output("display_data", data=data) for data in (panel, figure)]
    words = "## 1\n\nLet $x_1 < \\tfrac12$ and `$HOME`.\n\n$$\\sum_{i=1}^n \\sqrt i$$"
    node = v4.new_notebook(
        cells=[
            v4.new_markdown_cell(words),
            v4.new_code_cell("gc.panel('x')", outputs=outputs[:1], execution_count=1),
            v4.new_code_cell("gc.demo('x')", outputs=outputs[1:], execution_count=2),
        ]
    )
    node.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    return node


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    path = tmp_path / "03_mine.ipynb"
    nbformat.write(executed(), path)
    return path


def test_panels_and_figures_are_shown_as_they_are_stored(notebook: Path) -> None:
    page = export(notebook).read_text("utf-8")
    assert "<p>Where is it 0?</p>" in page
    assert f"data:image/png;base64,{PIXEL}" in page
    assert 'alt="falls from 1 to 0"' in page
    assert "widget-view" not in page


def test_the_page_fetches_nothing(notebook: Path) -> None:
    page = export(notebook).read_text("utf-8")
    assert "<script" not in page
    assert "@import" not in page
    assert re.findall(r'(?:src|srcset)="(?!data:)', page) == []
    assert re.findall(r"<link", page) == []
    assert re.findall(r"url\((?![\"']?data:|[\"']?#)", page) == []


def test_formulas_are_typeset_without_a_script(notebook: Path) -> None:
    page = export(notebook).read_text("utf-8")
    assert page.count("<math") == 2
    assert "<code>$HOME</code>" in page
    assert "<msqrt><mi>i</mi></msqrt>" in page


def test_the_command_says_where_the_page_is(
    notebook: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.main(["export", str(notebook), "--to", str(tmp_path / "out" / "x.html")]) == 0
    assert (tmp_path / "out" / "x.html").is_file()
    assert "x.html" in capsys.readouterr().out


def test_the_notebook_itself_is_left_as_it_is(notebook: Path) -> None:
    before = notebook.read_bytes()
    export(notebook)
    assert notebook.read_bytes() == before


@pytest.mark.parametrize("content", [None, "no notebook", '{"nbformat": 3, "worksheets": []}'])
def test_what_is_no_notebook_is_one_line(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "x.ipynb"
    if content is not None:
        path.write_text(content, "utf-8")
    with pytest.raises(GradcourseError, match=r"x\.ipynb") as said:
        export(path)
    assert "\n" not in str(said.value)


def _formulas() -> list[str]:
    formula = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$([^$]+?)\$(?!\$)", re.DOTALL)
    found: set[str] = set()
    for path in [*(ROOT / "lessons").glob("*.ipynb"), *(ROOT / "exercises").glob("*.ipynb")]:
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            if cell["cell_type"] == "markdown":
                words = re.sub(r"`[^`]*`", "", "".join(cell["source"]))
                found |= {display or inline for display, inline in formula.findall(words)}
    return sorted(found)


def test_every_formula_of_the_course_is_understood() -> None:
    formulas = _formulas()
    assert len(formulas) > 500
    for tex in formulas:
        element = mathml(tex)
        assert element.startswith("<math>"), tex
        minidom.parseString(element)


@pytest.mark.parametrize(
    ("tex", "part"),
    [
        (r"\frac12", "<mfrac><mn>1</mn><mn>2</mn></mfrac>"),
        (r"0.95^{100}", "<msup><mn>0.95</mn><mrow><mn>100</mn></mrow></msup>"),
        (r"x^23", "<msup><mi>x</mi><mn>2</mn></msup><mn>3</mn>"),
        (r"\mathcal L", "<mi>ℒ</mi>"),
        (r"\mathbb{E}", "<mi>𝔼</mi>"),
        (r"\mathbf{w}", "<mi>𝐰</mi>"),
        (r"\varphi'(z)^2", "<msup><mi>φ</mi><mrow><mo>′</mo></mrow></msup>"),
        (r"\text{at most two}", "<mtext>at&#160;most&#160;two</mtext>"),
        (r"a < b", "<mo>&lt;</mo>"),
        (r"x = -1", '<mo form="prefix">−</mo>'),
        (r"\sum_i w_i", 'movablelimits="true">∑</mo><mi>i</mi></munder>'),
        (r"\begin{pmatrix} 1 & 0 \\ 0 & 1 \end{pmatrix}", "<mtd><mn>0</mn></mtd></mtr><mtr>"),
    ],
)
def test_a_formula(tex: str, part: str) -> None:
    assert part in mathml(tex)


@pytest.mark.parametrize("tex", [r"\nosuch{x}", "{", "}", r"\frac1", "x^", r"\left(x", "a & b"])
def test_what_is_not_understood_is_shown_as_it_is_written(tex: str) -> None:
    assert mathml(tex).startswith("<code>")
    assert "<script" not in mathml("<script>" + tex)
