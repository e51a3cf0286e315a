import asyncio
import socket

from uvicorn import Config
from uvicorn.server import ServerState

from cxr_cli.web.connections import limited_connections
from cxr_cli.web.limits import PageLimits


async def no_page(scope, receive, send):
    raise AssertionError("nothing was asked")


def test_the_body_of_an_answer_does_not_wait_until_its_head_has_arrived():
    """asyncio switches Nagle's algorithm off only for the connections of a socket that it opened itself."""
    config, made = Config(no_page, lifespan="off"), []
    config.load()

    async def run() -> None:
        def connect() -> asyncio.Protocol:
            made.append(limited_connections(PageLimits())(config, ServerState(), {}))
            return made[0]

        loop, listener = asyncio.get_running_loop(), socket.create_server(("127.0.0.1", 0))
        async with await loop.create_server(connect, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            while not made or made[0].transport is None:
                await asyncio.sleep(0)
            connection = made[0].transport.get_extra_info("socket")
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            made[0].transport.abort()
            writer.close()

    asyncio.run(run())
