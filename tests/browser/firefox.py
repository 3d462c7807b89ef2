"""Debian's firefox-esr without a window, told what to do over WebDriver BiDi.

Playwright drives only a Firefox of its own, which is not what readers have. The protocol is JSON
over a websocket.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import websocket

LONGEST = 60.0
"""Seconds that an answer may take."""

QUIET = """
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.update.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.homepage_override.mstone", "ignore");
user_pref("remote.prefs.recommended", true);
"""

NAMED = {
    **{"ArrowLeft": "\ue012", "ArrowUp": "\ue013", "ArrowRight": "\ue014", "ArrowDown": "\ue015"},
    **{"PageUp": "\ue00e", "PageDown": "\ue00f", "Home": "\ue011", "Enter": "\ue007"},
    **{"Escape": "\ue00c", "Tab": "\ue004"},
}
"""Keys without a letter, as WebDriver calls them."""


def firefox() -> str | None:
    """Return the path of Debian's Firefox, or None."""
    return shutil.which("firefox-esr") or shutil.which("firefox")


class Page:
    """The one tab of a Firefox, and what it asked for and complained of.

    Attributes
    ----------
    asked : list of str
        The addresses of requests.
    complaints : list of str
        Errors and warnings of its console.
    """

    def __init__(self, wire: websocket.WebSocket) -> None:
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self._wire = wire
        self._count = 0
        self.ask("session.new", capabilities={})
        self.ask("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
        self._tab = {"context": self.ask("browsingContext.getTree")["contexts"][0]["context"]}

    def ask(self, method: str, **words: Any) -> dict[str, Any]:
        """Send a command, and return the answer."""
        self._count += 1
        self._wire.send(json.dumps({"id": self._count, "method": method, "params": words}))
        while (answer := json.loads(self._wire.recv())).get("id") != self._count:
            self._happened(answer)
        assert answer["type"] == "success", f"{method}: {answer.get('message')}"
        return dict(answer["result"])

    def _happened(self, event: dict[str, Any]) -> None:
        told = event["params"]
        if event["method"] == "network.beforeRequestSent" and told["context"]:
            self.asked.append(told["request"]["url"])
        elif event["method"] == "log.entryAdded" and told["level"] in ("error", "warn"):
            self.complaints.append(str(told["text"]))

    def goto(self, address: str, width: int = 1280, height: int = 720) -> None:
        """Open an address in a window of this size, and return when it is loaded."""
        size = {"width": width, "height": height}
        self.ask("browsingContext.setViewport", **self._tab, viewport=size)
        self.ask("browsingContext.navigate", **self._tab, url=address, wait="complete")

    def reload(self) -> None:
        """Load the page again."""
        self.ask("browsingContext.reload", **self._tab, wait="complete")

    def evaluate(self, source: str, told: Any = None) -> Any:
        """Return what an expression is, or what a function makes of a value; promises are kept."""
        function = (
            f"async (told) => {{ const it = {source}, its = typeof it === 'function'"
            " ? it(JSON.parse(told)) : it; return JSON.stringify((await its) ?? null); }"
        )
        answer = self.ask(
            "script.callFunction",
            functionDeclaration=function,
            arguments=[{"type": "string", "value": json.dumps(told)}],
            awaitPromise=True,
            target=self._tab,
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]["text"]
        return json.loads(answer["result"]["value"])

    def wait_until(self, source: str, told: Any = None) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + LONGEST
        while not self.evaluate(source, told):
            assert time.monotonic() < end, f"never true: {source}"
            time.sleep(0.05)

    def press(self, *keys: str) -> None:
        """Press and let go one key after the other."""
        values = [NAMED.get(key, key) for key in keys]
        steps = [{"type": kind, "value": v} for v in values for kind in ("keyDown", "keyUp")]
        self._act({"type": "key", "id": "keyboard", "actions": steps})

    def click(self, selector: str) -> None:
        """Click on the middle of the first element."""
        self.drag(selector, 0.5, 0.5)

    def drag(self, selector: str, begin: float, end: float) -> None:
        """Drag from one place within an element to another, shares of its width."""
        left, top, wide, high = self.evaluate(
            "one => { const it = document.querySelector(one);"
            " it.scrollIntoView({ block: 'center', behavior: 'instant' });"
            " const box = it.getBoundingClientRect();"
            " return [box.left, box.top, box.width, box.height]; }",
            selector,
        )

        def move(share: float) -> dict[str, Any]:
            place = {"x": round(left + share * wide), "y": round(top + high / 2)}
            return {"type": "pointerMove", **place}

        steps = [move(begin), {"type": "pointerDown", "button": 0}]
        steps += [move(begin + (end - begin) * k / 4) for k in range(1, 5)] if begin != end else []
        steps.append({"type": "pointerUp", "button": 0})
        self._act({"type": "pointer", "id": "mouse", "actions": steps})

    def _act(self, source: dict[str, Any]) -> None:
        self.ask("input.performActions", **self._tab, actions=[source])


@contextmanager
def running_firefox() -> Iterator[Page]:
    """Start Firefox with an empty profile, and yield its page."""
    program = firefox()
    assert program is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        (Path(profile) / "user.js").write_text(QUIET)
        words = [program, "--headless", "--no-remote", "--profile", profile]
        words += ["--remote-debugging-port=0", "about:blank"]
        quiet = subprocess.DEVNULL
        # As root it refuses a home that is another user's.
        running = subprocess.Popen(
            words, stdin=quiet, stdout=quiet, stderr=quiet, env={**os.environ, "HOME": profile}
        )
        try:
            with closing(_connected(running, Path(profile) / "WebDriverBiDiServer.json")) as wire:
                yield Page(wire)
        finally:
            running.terminate()
            running.wait()


def _connected(running: subprocess.Popen[bytes], told: Path) -> websocket.WebSocket:
    """Return the wire to a Firefox, which writes down where it listens."""
    end = time.monotonic() + LONGEST
    while not (told.exists() and told.read_text().rstrip().endswith("}")):
        assert running.poll() is None, "Firefox ended"
        assert time.monotonic() < end, "Firefox did not start"
        time.sleep(0.05)
    where = json.loads(told.read_text())
    address = f"ws://{where['ws_host']}:{where['ws_port']}/session"
    return websocket.create_connection(address, timeout=LONGEST, suppress_origin=True)
