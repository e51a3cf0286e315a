"""Which port is free."""

import socket

from cxr_cli.ports import next_free_port, other_port_hint


def test_the_next_free_port_is_not_one_in_use():
    with socket.create_server(("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        free = next_free_port("127.0.0.1", port)
        assert free > port
        with socket.create_server(("127.0.0.1", free)):
            assert next_free_port("127.0.0.1", port) > free


def test_a_hint_names_the_command_with_a_free_port_or_asks_for_one():
    free = next_free_port("127.0.0.1", 7860)

    assert other_port_hint("cxr serve", "127.0.0.1", 7860) == f"Port {free} is free: cxr serve --port {free}"
    assert other_port_hint("cxr serve", "127.0.0.1", 65535) == "Name another port: cxr serve --port NUMBER"
    assert next_free_port("192.0.2.1", 7860) is None  # no address of this machine
