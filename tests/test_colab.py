"""What stands for Colab here: no JupyterLab, and no widgets of other packages."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from gradcourse.authoring.factory import expected
from gradcourse.colab import BROUGHT, first_cell
from gradcourse.lessons import LESSONS

ROOT = Path(__file__).parents[1]
ADDRESS = "https://example.org/course"

PLAY = '''
import json, sys, types

class Closed(dict):
    """What Colab lacks cannot be imported."""
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("jupyterlab", "jupyter_server"):
            raise ModuleNotFoundError(f"No module named {name!r}")

sys.meta_path.insert(0, Closed())
google, package = types.ModuleType("google"), types.ModuleType("google.colab")
package.output = types.SimpleNamespace(enable_custom_widget_manager=MANAGER)
sys.modules |= {"google": google, "google.colab": package}

from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.kernel = None  # a shell that has this is a notebook's

shown = []
import IPython.display
IPython.display.display = lambda data, **told: shown.append(data)

import subprocess
asked = []
subprocess.run = lambda words, check: asked.append(words)
exec(CELL)

import gradcourse as gc
figure, _ = gc.demo("start/first-slider")._repr_mimebundle_()
gc.panel("recurrent/lag-fifty")
print(json.dumps({"pip": asked[0][3:], "figure": sorted(figure), "panel": sorted(shown[0])}))
'''

VIEW = "application/vnd.jupyter.widget-view+json"


def _played(manager: str) -> str:
    code = f"CELL = {first_cell(ADDRESS)!r}\ndef MANAGER(): {manager}\n" + textwrap.dedent(PLAY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_cell_brings_the_course_and_neither_numpy_nor_torch() -> None:
    import json

    lines = _played("pass").splitlines()
    told = json.loads(lines[-1])
    assert told["pip"] == [
        *("install", "--quiet", "--no-deps"),
        f"gradcourse @ git+{ADDRESS}",
        *BROUGHT,
    ]
    assert VIEW in told["figure"]
    assert VIEW in told["panel"]


def test_without_a_widget_manager_there_are_pictures() -> None:
    import json

    said, last = _played("raise RuntimeError('off')").splitlines()[-2:]
    told = json.loads(last)
    assert "figures are pictures" in said
    assert VIEW not in told["figure"] + told["panel"]
    assert {"image/png", "text/html"} <= set(told["figure"])
    assert "text/html" in told["panel"]


def test_the_cell_is_there_with_an_address_only_and_does_nothing_elsewhere(tmp_path: Path) -> None:
    source = Path("source") / LESSONS[0].notebook.replace(".ipynb", ".py")
    place = tmp_path / source
    place.parent.mkdir(parents=True)
    place.write_text((ROOT / source).read_text("utf-8"), "utf-8")
    (plain,) = expected(tmp_path, place)
    settings = f'[tool.gradcourse]\nrepository = "{ADDRESS}"\n'
    (tmp_path / "pyproject.toml").write_text(settings, "utf-8")
    (draft,) = expected(tmp_path, place)
    ids = [cell.id for cell in draft.node.cells]
    assert ids[2] == f"{LESSONS[0].number}-colab"
    assert draft.node.cells[2].metadata.slideshow.slide_type == "skip"
    assert [*ids[:2], *ids[3:]] == [cell.id for cell in plain.node.cells]
    exec(draft.node.cells[2].source, {})
