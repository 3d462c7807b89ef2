"""What pyproject.toml cannot say: a wheel brings the course's pages as gradcourse/course/.

An editable install reads them where they lie, so that a rebuilt page is there at once. Both put a
line where Jupyter looks for its server's extensions (gradcourse/reopening.py).
"""

from __future__ import annotations

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

FOLDERS = ("lessons", "exercises", "solutions")


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


SERVER = "jupyter_server_config.d"

setup(
    cmdclass={"build_py": BuildWithPages},
    data_files=[
        (f"etc/jupyter/{SERVER}", [f"gradcourse/workcopy/jupyter/{SERVER}/gradcourse.json"])
    ],
)
