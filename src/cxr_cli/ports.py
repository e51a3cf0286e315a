"""Which port of this machine is free."""

import socket

_TRIED = 100
_LAST = 65535


def next_free_port(host: str, port: int) -> int | None:
    """Find the first free port of `host` after `port`; None if none of the next hundred is."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port + 1, min(port + _TRIED, _LAST) + 1):
        try:
            socket.create_server((host, candidate), family=family).close()
        except OSError:
            continue
        return candidate
    return None


def other_port_hint(command: str, host: str, port: int) -> str:
    """The hint of an error about a port that is in use: the same command with the next free port."""
    free = next_free_port(host, port)
    return f"Port {free} is free: {command} --port {free}" if free else f"Name another port: {command} --port NUMBER"
