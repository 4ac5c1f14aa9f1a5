"""`python -m fairdb_site.local ACTION`: the lifecycle without Django and its settings."""

import os
import sys
from pathlib import Path

from fairdb_site.local.commands import main

if __name__ == "__main__":
    project = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("FAIRDB_LOCAL_DIR") or project / ".local").expanduser()
    sys.exit(main(sys.argv[1:], folder, os.environ.get("DATABASE_URL") or None))
