"""The site, served as in production by processes of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

APPLICATIONS = {"gunicorn": "fairdb_site.wsgi", "uvicorn": "fairdb_site.asgi:application"}
AS_IN_PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "bench.served_settings",
    "DEBUG": "false",
    "FAIRDB_ALLOW_EMBEDDED": "true",
    "SECURE_SSL_REDIRECT": "false",
    "ALLOWED_HOSTS": "127.0.0.1",
}


@contextmanager
def served(server: str, workers: int, *options: str, **environment: str) -> Iterator[int]:
    """Serve the site by so many processes of gunicorn or uvicorn; give its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = f"--bind=127.0.0.1:{port}" if server == "gunicorn" else f"--port={port}"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", server, APPLICATIONS[server]),
            *(f"--workers={workers}", place),
            *options,
        ],
        env=os.environ | AS_IN_PRODUCTION | environment,
        stderr=subprocess.DEVNULL,
    )
    with ExitStack() as end:
        end.callback(process.wait)
        end.callback(process.terminate)
        _wait_for(port)
        yield port


def _wait_for(port: int) -> None:
    for _ in range(1200):
        with socket.socket() as knock:
            if knock.connect_ex(("127.0.0.1", port)) == 0:
                time.sleep(3)  # all the workers, not only the first
                return
        time.sleep(0.1)
    raise RuntimeError("The site did not start within two minutes.")
