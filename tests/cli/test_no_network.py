"""Commands reach no other machine: the fixture `cxr` fails if one tries, and so does the training of `trained`."""

import socket

import pytest


def test_whoever_tries_to_reach_another_machine_is_found_out(no_network):
    def ask_around() -> None:
        with no_network(), pytest.raises(OSError, match="no network in tests"):
            socket.create_connection(("example.org", 80))

    with pytest.raises(AssertionError, match=r"socket\.getaddrinfo example\.org"):
        ask_around()


def test_this_machine_and_unix_sockets_can_be_reached(no_network, tmp_path):
    with socket.socket(socket.AF_UNIX) as listener, socket.create_server(("127.0.0.1", 0)) as server:
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        with no_network(), socket.socket(socket.AF_UNIX) as one, socket.create_connection(server.getsockname()):
            one.connect(str(tmp_path / "socket"))
            assert one.getpeername() == str(tmp_path / "socket")
