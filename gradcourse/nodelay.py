"""A JupyterLab that answers at once.

Jupyter's server sends a kernel's messages to the browser over a socket with Nagle's algorithm on
(RFC 896): a small packet waits until the one before it is acknowledged, and browsers delay
acknowledgements (RFC 1122). A live figure sends several small messages per move of a knob, and a
good part of its time was spent waiting for them. `gradcourse lab` hands this class to the server.
"""

from __future__ import annotations

from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class PromptConnection(ZMQChannelsWebsocketConnection):
    """The server's own connection between a kernel and a browser, without waiting."""

    def connect(self) -> Any:
        """Connect, and send each message as soon as it is there (TCP_NODELAY)."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()
