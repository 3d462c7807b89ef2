"""The row on each page that says where it can be run."""

from __future__ import annotations

import html
from urllib.parse import quote, urlencode

GITHUB = "https://github.com/"
BRANCH = "main"


def launch_row(page: str, repository: str, hub: str = "") -> str:
    """Return the row as one piece of HTML.

    Parameters
    ----------
    page : str
        The notebook in the repository: "lessons/03_the_recurrent_weight.ipynb".
    repository : str
        Its address. Where it is empty, the row tells how to open the page in one's own Jupyter
        and links to nothing.
    hub : str
        The address of a JupyterHub with nbgitpuller.
    """
    links = "".join(
        f'<a href="{html.escape(address)}">{name}</a>'
        for name, address in places(page, repository, hub).items()
    )
    source = f"git+{repository}" if repository else ""
    package = f"'gradcourse[lab] @ {source}'" if source else "'gradcourse[lab]'"
    return (
        '<nav class="gc-launch" id="where-to-run" aria-label="Run this page">'
        f"{links}<details><summary>In my Jupyter</summary>"
        f'<pre tabindex="0">pip install {html.escape(package, quote=False)}\ngradcourse lab</pre>'
        f"<p>Then open <code>{html.escape(page)}</code> there.</p></details></nav>"
    )


def places(page: str, repository: str, hub: str = "") -> dict[str, str]:
    """Return the addresses at which a page can be run, by name; none without a repository."""
    if not repository:
        return {}
    found = {}
    tree = quote(f"lab/tree/{page}", safe="")
    if repository.startswith(GITHUB):
        name = repository.removeprefix(GITHUB)
        found["Binder"] = f"https://mybinder.org/v2/gh/{name}/{BRANCH}?urlpath={tree}"
        found["Colab"] = f"https://colab.research.google.com/github/{name}/blob/{BRANCH}/{page}"
    if hub:
        found["JupyterHub"] = hub_address(page, repository, hub)
    return found


def hub_address(page: str, repository: str, hub: str) -> str:
    """Return nbgitpuller's address: it brings the repository, then opens the page."""
    folder = repository.rpartition("/")[2]
    asked = {"repo": repository, "branch": BRANCH, "urlpath": f"lab/tree/{folder}/{page}"}
    return f"{hub}/hub/user-redirect/git-pull?{urlencode(asked)}"
