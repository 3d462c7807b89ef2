"""What of a run is stored: pictures with alt text, plain text, nothing that changes by itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from gradcourse.authoring import printed_numbers
from gradcourse.authoring.notebook import Draft
from gradcourse.authoring.shrink import shrink
from gradcourse.figures.wire import FIGURE
from gradcourse.support import GradcourseError

MOST_BYTES = 1_000_000

# A widget without its state shows an error even where a picture is stored beside it, and its
# state would be megabytes; scripts do not run in a stored notebook at all.
_DROPPED = (
    "application/vnd.jupyter.widget-view+json",
    "application/vnd.jupyter.widget-state+json",
    "application/javascript",
)
_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,}")


def store(root: Path, draft: Draft, node: NotebookNode) -> str:
    """Clean a run's outputs and return the notebook as it is written to the file.

    Raises
    ------
    GradcourseError
        Naming the cell, if an output should not be stored: a warning on stderr, a memory
        address, a path of this machine, a picture without alt text, or too many bytes; or if a
        tolerance does not fit what was measured.
    """
    count = 0
    table = printed_numbers.read_table(root)
    for index, cell in enumerate(node.cells):
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        count += 1
        cell.execution_count = count
        cell.outputs = _cleaned(cell.outputs, draft.cells[index].alt, count)
        complaint = _complaint(root, cell.outputs, draft.cells[index].tags)
        if complaint:
            raise GradcourseError(f"{draft.place(index)}: {complaint}")
        unfit = printed_numbers.of_cell(draft.source_key, cell, table)
        if unfit:
            raise GradcourseError(f"{draft.place(index)}: {'; '.join(unfit)}")
    node.metadata = draft.node.metadata
    nbformat.validate(node)
    text = nbformat.writes(node) + "\n"
    _require_small(draft, node, len(text.encode()))
    return text


def _cleaned(outputs: list[NotebookNode], alt: str, count: int) -> list[NotebookNode]:
    kept: list[NotebookNode] = []
    for output in outputs:
        last = kept[-1] if kept else None
        if output.output_type == "stream":
            if last and last.output_type == "stream" and last.name == output.name:
                last.text += output.text
            else:
                kept.append(output)
        elif output.output_type in ("display_data", "execute_result"):
            if _clean_data(output, alt):
                kept.append(output)
        else:
            kept.append(output)
        if output.output_type == "execute_result":
            output.execution_count = count
    return kept


def _clean_data(output: NotebookNode, alt: str) -> bool:
    """Drop what is not stored; return whether anything is left."""
    for mime in _DROPPED:
        output.data.pop(mime, None)
    output.metadata = nbformat.from_dict(
        {mime: value for mime, value in output.metadata.items() if mime in output.data}
        | ({"alt": output.metadata["alt"]} if "alt" in output.metadata else {})
    )
    if "image/png" in output.data:
        output.data["image/png"] = shrink(output.data["image/png"].strip())
    for mime in pictures(output):
        if alt and not alt_text(output, mime):
            output.metadata.setdefault(mime, nbformat.from_dict({}))["alt"] = alt
    return bool(output.data)


def pictures(output: NotebookNode) -> list[str]:
    """Return the MIME types of the pictures that an output holds."""
    if output.output_type not in ("display_data", "execute_result"):
        return []
    return [mime for mime in output.data if mime.startswith("image/")]


def alt_text(output: NotebookNode, mime: str) -> str:
    """Return a picture's alt text: where nbconvert looks for it, or an empty string."""
    own = output.metadata.get(mime, {})
    return str(own.get("alt") or output.metadata.get("alt") or "").strip()


def figures_size(text: str) -> int:
    """Return how many bytes of a stored notebook are figures as data."""
    outputs = [o for cell in json.loads(text)["cells"] for o in cell.get("outputs", ())]
    figures = [o["data"][FIGURE] for o in outputs if FIGURE in o.get("data", {})]
    return sum(len(json.dumps(figure, indent=1)) for figure in figures)


def texts(outputs: list[NotebookNode]) -> list[str]:
    """Return every text that the outputs hold, HTML and SVG included."""
    found = []
    for output in outputs:
        if output.output_type == "stream":
            found.append(output.text)
        elif output.output_type == "error":
            found.append("\n".join([output.ename, output.evalue, *output.traceback]))
        else:
            found += [
                value
                for mime, value in output.data.items()
                if isinstance(value, str) and mime not in ("image/png", "image/jpeg")
            ]
    return found


def machine_paths(root: Path, text: str) -> list[str]:
    """Return the places of this machine that a text names: the course's folder, the home."""
    places = {str(root.resolve()), str(Path.home())} - {"/"}
    return sorted(place for place in places if re.search(rf"{re.escape(place)}(?![\w-])", text))


def _complaint(root: Path, outputs: list[NotebookNode], tags: tuple[str, ...]) -> str:
    for output in outputs:
        if output.output_type == "stream" and output.name == "stderr" and "stderr" not in tags:
            said = output.text.strip().split("\n")[0]
            return f'writes to stderr: {said}; cure it, or tag the cell "stderr"'
        for mime in pictures(output):
            if not alt_text(output, mime):
                return f'{mime} without alt text; show a gc.Plot, or add alt="…" to the marker'
    for text in texts(outputs):
        address = _ADDRESS.search(text)
        if address:
            return f"prints a memory address ({address[0]}), which changes with every run"
        named = machine_paths(root, text)
        if named:
            return f"prints a path of this machine ({named[0]})"
    return ""


def _require_small(draft: Draft, node: NotebookNode, size: int) -> None:
    if size <= MOST_BYTES:
        return
    sizes = [len(nbformat.v4.writes(nbformat.v4.new_notebook(cells=[cell]))) for cell in node.cells]
    biggest = sizes.index(max(sizes))
    raise GradcourseError(
        f"{draft.place(biggest)}: {draft.path} would take {size:,} bytes, and "
        f"{MOST_BYTES:,} is the most; this cell takes {sizes[biggest]:,}"
    )
