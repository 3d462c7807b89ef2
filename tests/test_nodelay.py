"""The lab's connection sends each message at once."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from gradcourse.nodelay import PromptConnection, ZMQChannelsWebsocketConnection


def test_messages_do_not_wait_for_acknowledgements(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    handler = Mock()
    handler.set_nodelay.side_effect = lambda on: order.append(f"nodelay {on}")
    monkeypatch.setattr(
        ZMQChannelsWebsocketConnection, "connect", lambda self: order.append("connect")
    )
    connection = PromptConnection.__new__(PromptConnection)
    monkeypatch.setattr(PromptConnection, "websocket_handler", handler)
    connection.connect()
    assert order == ["nodelay True", "connect"]
