"""PostgreSQL's own client, as Django connects."""

import os
import subprocess

from django.conf import settings

from fairdb_site.local.binaries import MAJOR, package_folder


def psql(command: str) -> None:
    """Run one command of SQL or of psql."""
    program = package_folder() / f"pginstall{MAJOR}" / "bin" / "psql"
    database = settings.DATABASES["default"]
    subprocess.run(
        [program, "-qX", "-v", "ON_ERROR_STOP=1", "-c", "set statement_timeout = 0", "-c", command],
        env=os.environ
        | {
            "PGHOST": database["HOST"],
            "PGUSER": database["USER"],
            "PGPASSWORD": database["PASSWORD"],
            "PGDATABASE": database["NAME"],
        },
        check=True,
    )
