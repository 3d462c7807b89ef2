"""One long sequence in windows: what becomes of the state between two updates."""

from __future__ import annotations

from functools import cache

from gradcourse.checking.question import Choice, Option


def _train(carried, retain=False):
    """Three updates on windows of one sequence; the message of the error, or the last state."""
    import torch

    torch.manual_seed(0)
    lstm, x, state = torch.nn.LSTM(1, 4, batch_first=True), torch.randn(1, 30, 1), None
    optimizer = torch.optim.SGD(lstm.parameters(), lr=0.1)
    try:
        for window in x.split(10, dim=1):
            out, state = lstm(window, state)
            optimizer.zero_grad()
            out.square().mean().backward(retain_graph=retain)
            optimizer.step()
            state = carried(state)
    except RuntimeError as error:
        return str(error)
    return state


def _both(state):
    return tuple(part.detach() for part in state)


@cache
def _cure():
    """The cure that runs to its end and still carries the state over."""
    tried = {
        "both": _train(_both),
        "hidden": _train(lambda state: (state[0].detach(), state[1])),
        "retain": _train(lambda state: state, retain=True),
        "none": _train(lambda state: None),
    }
    works = [key for key, end in tried.items() if isinstance(end, tuple)]
    return works[0] if len(works) == 1 else "several"


DETACH = Choice(
    id="lstm/detach",
    title="The second window",
    question="A long sequence is read in windows: out, state = lstm(window, state), then backward "
    "and step. In the second window backward raises “Trying to backward through the graph a second "
    "time”. The state shall be carried over. What do you do?",
    answer="second_window",
    options=(
        Option(
            "retain",
            "backward(retain_graph=True), as the message says",
            "Then the old graph is walked through again, with weights that the step has changed "
            "in place: the next error. And it grows with every window.",
        ),
        Option(
            "hidden",
            "detach h: state = (h.detach(), c)",
            "c leads back into the first window as well. It is the road, after all.",
        ),
        Option(
            "both",
            "detach both: state = (h.detach(), c.detach())",
            "Values go on, the gradient ends at the window's edge: truncated backpropagation.",
        ),
        Option(
            "none",
            "state = None",
            "That runs, but the memory is gone: each window begins with an empty cell.",
        ),
    ),
    measure=_cure,
    explain="Both halves of the state carry history. Detached, their values go on and their "
    "gradient ends (lesson 03: truncation), so that no window learns across its edge.",
    hints=(
        "Which parts of the state were computed from the first window?",
        "What does the message's own advice keep alive?",
        "nn.LSTM's state is a pair.",
    ),
    points=1.0,
)
