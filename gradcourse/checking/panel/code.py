"""The panel of a code exercise: it looks the functions up in the notebook at each press."""

from __future__ import annotations

from typing import Any

from gradcourse.checking.panel.base import Panel


class CodePanel(Panel):
    """Check and Hint."""

    def buttons(self) -> list[Any]:
        import ipywidgets

        names = ", ".join(self.exercise.answers)
        self.check_button = ipywidgets.Button(
            description="Check",
            icon="check",
            button_style="primary",
            tooltip=f"Check {names} as the notebook defines it now",
        )
        self.check_button.on_click(lambda _: self.start(self.look))
        self.busy_controls.append(self.check_button)
        return [self.check_button]
