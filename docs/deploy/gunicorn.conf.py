"""How gunicorn serves the platform: `gunicorn --config docs/deploy/gunicorn.conf.py ...`.

The number of workers is gunicorn's own variable WEB_CONCURRENCY (4 in fairdb.env.example).
"""

import logging
import re
from typing import Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from fairdb_site.logs import ValueFreeFormatter

bind = "unix:/run/fairdb/web.sock"
umask = 0o007  # the socket: group fairdb, where the proxy's account is a member

# Threads, because an upload holds one for as long as its sender takes: the proxy passes it on as
# it comes, so that it lies on no disk in the clear. Each thread keeps a database connection, and a
# load needs two more: workers x threads has to stay well below what the pooler gives.
worker_class = "gthread"
threads = 4
worker_tmp_dir = "/dev/shm"  # noqa: S108 - a file each, of no content: a slow disk must not stall it

# Of a worker as a whole, not of a request: a load may take as long as its file does.
timeout = 600
graceful_timeout = 60  # loads that take longer are given up, and leave nothing behind
keepalive = 75  # where a proxy keeps connections: longer than it does (nginx: 60 s)
max_requests = 5_000  # a worker gives back what memory it still holds after large files
max_requests_jitter = 500

limit_request_line = 8_190  # as nginx: addresses that choose many columns are long
limit_request_field_size = 8_190

# Nothing but the proxy reaches the socket, and it sets these headers anew.
forwarded_allow_ips = "*"
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}

control_socket_disable = True  # a door in the account's home for what systemd does already
accesslog = None  # the proxy's has no query strings; gunicorn's would
errorlog = "-"


class _WithoutQueries(ValueFreeFormatter):
    """The platform's own formatter; gunicorn also names addresses, whose queries may be values."""

    def format(self, record: logging.LogRecord) -> str:
        plain = logging.makeLogRecord(record.__dict__)
        plain.msg, plain.args = re.sub(r"\?\S*", "?", record.getMessage()), None
        return super().format(plain)


class ValueFreeLogger(Logger):  # type: ignore[misc]  # of a package without types
    """gunicorn's log without what exceptions say, and without what people search for."""

    def setup(self, cfg: Any) -> None:
        """Give gunicorn's handlers the formatter."""
        super().setup(cfg)
        formatter = _WithoutQueries("%(asctime)s %(levelname)s %(name)s %(message)s")
        for handler in self.error_log.handlers:
            handler.setFormatter(formatter)


logger_class = ValueFreeLogger
