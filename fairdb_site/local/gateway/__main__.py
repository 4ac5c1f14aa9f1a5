"""`python -m fairdb_site.local.gateway CONFIG.json`: serve until SIGTERM."""

import argparse
import logging
from pathlib import Path

import uvicorn

from fairdb_site.local.gateway.app import create_app
from fairdb_site.local.gateway.config import HOST, GatewayConfig


def make_server(config: GatewayConfig) -> uvicorn.Server:
    """Return the server of a gateway, not yet running."""
    return uvicorn.Server(
        uvicorn.Config(
            create_app(config),
            host=HOST,
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


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m fairdb_site.local.gateway")
    parser.add_argument("config", type=Path)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    make_server(GatewayConfig.read(parser.parse_args().config)).run()
