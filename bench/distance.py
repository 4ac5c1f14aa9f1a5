"""A network on the way to a server: `python -m bench.distance MILLISECONDS SERVER...`

Stands between clients and servers of this machine, as `bench.dashboard` needs it. For each server,
a port of 127.0.0.1 or the path of a unix socket, prints the port of 127.0.0.1 that leads to it.
What the server says arrives so many milliseconds later, and a new connection is made in twice the
time: one round trip of TCP and one of TLS 1.3, which a hosted Supabase asks for.
"""

import asyncio
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable

_PIECE = 1 << 16


async def _main(delay: float, servers: list[str]) -> None:
    listening = [
        await asyncio.start_server(_between(server, delay), "127.0.0.1", 0) for server in servers
    ]
    print(*(one.sockets[0].getsockname()[1] for one in listening), flush=True)
    await asyncio.gather(*(one.serve_forever() for one in listening))


def _between(server: str, delay: float) -> Callable[[StreamReader, StreamWriter], Awaitable[None]]:
    async def connected(client: StreamReader, to_client: StreamWriter) -> None:
        await asyncio.sleep(2 * delay)
        if server.isdecimal():
            there, to_there = await asyncio.open_connection("127.0.0.1", int(server))
        else:
            there, to_there = await asyncio.open_unix_connection(server)
        await asyncio.gather(_pass_on(client, to_there, 0), _pass_on(there, to_client, delay))

    return connected


async def _pass_on(source: StreamReader, target: StreamWriter, delay: float) -> None:
    loop = asyncio.get_running_loop()
    try:
        while piece := await source.read(_PIECE):
            # not slept for: what is on its way holds up nothing that comes after it
            loop.call_later(delay, target.write, piece)
    except ConnectionError:
        pass  # they have gone
    loop.call_later(delay, target.close)


if __name__ == "__main__":
    asyncio.run(_main(float(sys.argv[1]) / 1e3, sys.argv[2:]))
