"""The files of docs/deploy say what the platform is: its settings, commands, addresses, limits."""

import logging
import re
import runpy
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.urls import reverse

DEPLOY = Path(__file__).resolve().parents[2] / "docs" / "deploy"
OTHERS = {"TMPDIR", "WEB_CONCURRENCY"}  # Python's and gunicorn's own variables


def test_every_line_of_the_environment_file_is_a_setting_that_is_documented() -> None:
    table = (DEPLOY.parent / "settings.md").read_text()
    lines = (DEPLOY / "fairdb.env.example").read_text().splitlines()
    names = {line.partition("=")[0] for line in lines if line and not line.startswith("#")}
    assert {name for name in names - OTHERS if f"| `{name}` |" not in table} == set()


@pytest.mark.parametrize("unit", sorted(DEPLOY.glob("*.service")), ids=lambda path: path.stem)
def test_units_run_what_there_is_as_their_own_user(unit: Path) -> None:
    text = unit.read_text()
    for command in re.findall(r"manage\.py (\w+)", text):
        assert command in get_commands()
    for path in re.findall(r"--config (\S+)", text):
        assert (DEPLOY.parents[1] / path).is_file()
    for line in ("User=fairdb", "NoNewPrivileges=yes", "ProtectSystem=strict", "LimitCORE=0"):
        assert line in text.splitlines()
    if "Restart=always" not in text:
        assert unit.with_suffix(".timer").is_file()


def test_the_proxy_takes_the_largest_file_and_writes_no_id_down() -> None:
    text = (DEPLOY / "nginx.conf").read_text()
    places = dict(re.findall(r"location (\S+) \{(.*?)\n    \}", text, re.DOTALL))
    for name in ("datasets:upload", "datasets:pseudonyms"):
        assert "proxy_request_buffering off;" in places[reverse(name)]
    largest = re.search(r"client_max_body_size (\d+)m;", places[reverse("datasets:upload")])
    assert largest
    assert int(largest[1]) * 1024**2 > settings.FAIRDB_MAX_UPLOAD_BYTES
    # a trusted header that a client's own could be added to would not be one
    assert "$proxy_add_x_forwarded_for" not in text
    written = re.search(r"log_format .*?;", text, re.DOTALL)
    assert written
    assert not {"$request ", "$request_uri", "$args", "$query_string", "$http_referer"} & set(
        re.findall(r"\$\w+ ?", written[0])
    )


def test_gunicorn_logs_neither_queries_nor_what_exceptions_say() -> None:
    conf = runpy.run_path(str(DEPLOY / "gunicorn.conf.py"))
    assert conf["accesslog"] is None
    try:
        raise ValueError(" ".join(["a", "value"]))  # frames show this line
    except ValueError:
        record = logging.LogRecord(
            "gunicorn.error",
            logging.ERROR,
            __file__,
            1,
            "Error handling request %s",
            ("/search/?q=a+value",),
            sys.exc_info(),
        )
    line = conf["_WithoutQueries"]("%(message)s").format(record)
    assert line.startswith("Error handling request /search/?\n")
    assert line.endswith("ValueError")
    assert "a value" not in line
    assert "a+value" not in line
