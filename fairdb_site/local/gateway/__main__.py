"""`python -m fairdb_site.local.gateway CONFIG.json`: serve until SIGTERM."""

import logging
import signal
import sys
from pathlib import Path

import uvicorn

from fairdb_site.local.gateway.app import create_app
from fairdb_site.local.gateway.config import GatewayConfig


def make_server(config: GatewayConfig) -> uvicorn.Server:
    """Return the server of a gateway, not yet running."""
    return uvicorn.Server(
        uvicorn.Config(
            create_app(config),
            host=config.host,
            port=config.port,
            log_config=None,
            log_level="warning",
            access_log=False,  # its lines hold query strings, and those hold values
            server_header=False,
            # longer than clients keep an idle connection (httpx: 5 s), else one they just took
            # up again may be closed under them
            timeout_keep_alive=75,
            timeout_graceful_shutdown=5,
        )
    )


def main(arguments: list[str]) -> int:
    """Serve the gateway described by the one argument; 2 for any other usage."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m fairdb_site.local.gateway CONFIG.json\n")
        return 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    server = make_server(GatewayConfig.read(Path(arguments[0])))
    # uvicorn stops in order, then hands the signal on: it must not end us a second time
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    server.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
