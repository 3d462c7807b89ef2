"""What pyproject.toml cannot say: a wheel brings the course's pages as gradcourse/course/.

An editable install reads them where they lie, so that a rebuilt page is there at once. Both put a
line where Jupyter looks for its extensions: the home page and `gradcourse.reopening`.
"""

from __future__ import annotations

from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

FOLDERS = ("lessons", "exercises", "solutions")

JUPYTER = "gradcourse/workcopy/jupyter"
"""`gradcourse lab` reads these where they lie; in Jupyter's own folders all do."""

JUPYTERS_FILES = [
    (f"{place}/{folder}", [f"{JUPYTER}/{folder}/{file}"])
    for place, folder, file in (
        ("etc/jupyter", "jupyter_server_config.d", "gradcourse.json"),
        ("share/jupyter", "labextensions/gradcourse", "package.json"),
        ("share/jupyter", "labextensions/gradcourse/static", "home.js"),
    )
]


class BuildWithPages(build_py):
    """Copies the pages beside the package's modules."""

    def run(self) -> None:
        super().run()
        for page, target in self._pages().items():
            self.mkpath(str(Path(target).parent))
            self.copy_file(page, target, preserve_mode=False)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        return [*super().get_outputs(include_bytecode), *self._pages().values()]

    def get_source_files(self) -> list[str]:
        return [*super().get_source_files(), *self._pages()]

    def _pages(self) -> dict[str, str]:
        if self.editable_mode:
            return {}
        course = Path(self.build_lib) / "gradcourse" / "course"
        pages = [page for folder in FOLDERS for page in sorted(Path(folder).glob("[0-9]*.ipynb"))]
        return {page.as_posix(): str(course / page) for page in pages}


class WithData(Distribution):
    """An editable install asks for ``has_data`` before it takes data files; there is none."""

    def has_data(self) -> bool:
        return bool(self.data_files)


setup(cmdclass={"build_py": BuildWithPages}, distclass=WithData, data_files=JUPYTERS_FILES)
