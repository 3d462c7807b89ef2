"""Start a real JupyterLab and drive it with chromium. Used by the tests and by benchmarks/."""

from __future__ import annotations

import io
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat import v4

from gradcourse.workcopy import WorkingCopy
from gradcourse.workcopy.launch import PROMPT, REOPENING, environment

ROOT = Path(__file__).parents[2]
ARTEFACTS = ROOT / "artefacts"
JUPYTER = ROOT / "gradcourse" / "workcopy" / "jupyter"
SERVER_EXTENSION = JUPYTER / "jupyter_server_config.d" / "gradcourse.json"
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NO_NEWS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}
}


def chromium() -> str | None:
    """Return the path of Debian's chromium, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@dataclass
class Lab:
    """A running JupyterLab, and the folder that it serves."""

    url: str
    token: str
    folder: Path

    def get(self, path: str) -> Any:
        """Return the JSON that the server answers at an address of its API."""
        return json.load(self._request(path, "GET"))

    def delete(self, path: str) -> None:
        """Send DELETE to an address of the server's API."""
        self._request(path, "DELETE").close()

    def _request(self, path: str, method: str) -> Any:
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(self.url + path, method=method, headers=headers)
        return urllib.request.urlopen(request, timeout=20)

    def session(self, name: str) -> dict[str, Any] | None:
        """Return the session of a notebook, if its kernel runs."""
        return next((one for one in self.get("/api/sessions") if one["path"] == name), None)

    def idle(self, name: str) -> bool:
        """Whether the notebook's kernel waits for work and the page is connected to it."""
        session = self.session(name)
        kernel = session["kernel"] if session else {}
        return kernel.get("execution_state") == "idle" and bool(kernel.get("connections"))

    def shut_down(self, name: str) -> None:
        """Shut down the kernel of a notebook."""
        session = self.session(name)
        assert session is not None, f"{name} has no kernel"
        self.delete(f"/api/sessions/{session['id']}")

    def write(self, name: str, cells: Sequence[str]) -> str:
        """Write a notebook of code cells into the served folder and return its name."""
        kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
        notebook = v4.new_notebook(
            cells=[v4.new_code_cell(cell) for cell in cells], metadata={"kernelspec": kernel}
        )
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, self.folder / name)
        return name


@contextmanager
def running_lab(private: Path, plain: bool = False) -> Iterator[Lab]:
    """Start JupyterLab on a working copy; nothing of the user's own Jupyter is touched.

    Parameters
    ----------
    private : Path
        An empty folder for the copy, for Jupyter's own files and for the progress file.
    plain : bool
        Start it as ``jupyter lab`` does, with what an installed course puts into Jupyter's folder,
        and not as ``gradcourse lab`` does.
    """
    folder = private / "course"
    WorkingCopy(folder).lay()
    settings = private / "config" / "labconfig"
    settings.mkdir(parents=True)
    (settings / "default_setting_overrides.json").write_text(json.dumps(NO_NEWS))
    extension = SERVER_EXTENSION.relative_to(JUPYTER)
    (private / "config" / extension.parent).mkdir()
    if plain:
        shutil.copy(SERVER_EXTENSION, private / "config" / extension)
    lab = Lab(f"http://127.0.0.1:{_free_port()}", secrets.token_hex(16), folder)
    log = private / "lab.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            _command(lab, plain), env=_environment(private), stdout=stream, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_up(lab, process, log)
        yield lab
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _command(lab: Lab, plain: bool) -> list[str]:
    return [
        sys.executable,
        *["-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"],
        f"--port={lab.url.rpartition(':')[2]}",
        "--ServerApp.port_retries=0",
        *([] if plain else [PROMPT, REOPENING]),
        f"--IdentityProvider.token={lab.token}",
        f"--ServerApp.root_dir={lab.folder}",
    ]


def _environment(private: Path) -> dict[str, str]:
    return {
        **os.environ,
        **environment(WorkingCopy(private / "course")),
        "JUPYTER_CONFIG_DIR": str(private / "config"),
        "JUPYTER_DATA_DIR": str(private / "data"),
        "JUPYTER_RUNTIME_DIR": str(private / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(private / "settings"),
        "IPYTHONDIR": str(private / "ipython"),
        "GRADCOURSE_PROGRESS": str(private / "progress.sqlite"),
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_up(lab: Lab, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, f"JupyterLab ended:\n{log.read_text()}"
        try:
            lab.get("/api/status")
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"JupyterLab did not answer within a minute:\n{log.read_text()}")


@contextmanager
def running_browser() -> Iterator[Any]:
    """Start Debian's chromium and yield Playwright's Browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=SWITCHES)
        yield browser
        browser.close()


_SHOWN = ".jp-NotebookPanel:not(.lm-mod-hidden)"

# A cell that fails stops the run, and the cells after it never get a number.
_ALL_RAN = """() => {
  const panel = document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden)');
  const all = [...panel.querySelectorAll('.jp-CodeCell .jp-InputPrompt')];
  const failed = panel.querySelector('[data-mime-type="application/vnd.jupyter.error"]');
  return failed || (all.length && all.every((e) => /\\[\\d+\\]/.test(e.textContent)));
}"""


@dataclass
class Notebook:
    """A notebook open in the browser.

    Attributes
    ----------
    page : playwright Page
    errors : list of str
        Errors of the browser's console since the notebook was opened.
    """

    lab: Lab
    page: Any
    name: str
    errors: list[str] = field(default_factory=list)

    def run_all(self, timeout: float = 120) -> None:
        """Run every cell and wait until all have run.

        JupyterLab silently drops "Run All" when the kernel is not ready, and the page's own sign
        of idleness comes too early: the server is asked.
        """
        self.wait_until_idle(timeout)
        self.page.click('.lm-MenuBar-itemLabel:text-is("Run")')
        self.page.click('.lm-Menu-itemLabel:text-is("Run All Cells")')
        self.page.wait_for_function(_ALL_RAN, timeout=timeout * 1000)
        self.wait_until_idle(timeout)
        failed = self.page.locator(_SHOWN + ' [data-mime-type="application/vnd.jupyter.error"]')
        assert not failed.count(), f"{self.name}: {failed.first.inner_text()}"

    def wait_until_idle(self, timeout: float = 120) -> None:
        """Wait until the kernel has nothing to do."""
        deadline = time.monotonic() + timeout
        while not self.lab.idle(self.name):
            assert time.monotonic() < deadline, f"the kernel of {self.name} is not idle"
            self.page.wait_for_timeout(100)

    def shoot(self, name: str, locator: Any = None) -> Path:
        """Keep a screenshot under artefacts/ and return its path."""
        ARTEFACTS.mkdir(exist_ok=True)
        path = ARTEFACTS / f"{name}.png"
        (locator or self.page).screenshot(path=str(path))
        return path

    def theme(self, name: str) -> None:
        """Change JupyterLab's theme: "JupyterLab Light" or "JupyterLab Dark"."""
        self.page.click('.lm-MenuBar-itemLabel:text-is("Settings")')
        self.page.hover('.lm-Menu-itemLabel:text-is("Theme")')
        self.page.click(f'.lm-Menu-itemLabel:text-is("{name}")')
        light = "true" if "Light" in name else "false"
        self.page.wait_for_selector(f'body[data-jp-theme-light="{light}"]', state="attached")
        self.page.wait_for_timeout(700)  # its style sheet arrives after its name


def paper(locator: Any) -> str:
    """Return the colour in the upper left corner of what is shown, as "#rrggbb"."""
    from PIL import Image

    shown = Image.open(io.BytesIO(locator.screenshot())).convert("RGB")
    pixel = shown.getpixel((2, 2))
    assert isinstance(pixel, tuple)
    return "#" + "".join(f"{channel:02x}" for channel in pixel)


# A missing source map or a favicon is none of the course's business.
_HARMLESS = ("favicon", ".map", "ResizeObserver loop")


def open_notebook(lab: Lab, browser: Any, name: str, **context: Any) -> Notebook:
    """Open a notebook of the served folder in a page of its own, in a workspace of its own."""
    notebook = open_page(lab, browser, name, **context)
    notebook.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
    return notebook


def open_page(lab: Lab, browser: Any, name: str, **context: Any) -> Notebook:
    """Open any file of the served folder so, and do not wait for it."""
    options = {"viewport": {"width": 1280, "height": 1000}, **context}
    page = browser.new_context(**options).new_page()
    notebook = Notebook(lab, page, name)
    page.on("pageerror", lambda error: notebook.errors.append(str(error)))
    page.on(
        "console",
        lambda message: (
            notebook.errors.append(message.text)
            if message.type == "error" and not any(word in message.text for word in _HARMLESS)
            else None
        ),
    )
    workspace = secrets.token_hex(4)
    page.goto(f"{lab.url}/lab/workspaces/{workspace}/tree/{name}?token={lab.token}")
    return notebook
