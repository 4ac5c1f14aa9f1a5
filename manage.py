#!/usr/bin/env python
"""Run FAIRDatabase's management commands, starting the embedded default where it is in use."""

import os
import signal
import sys

# Commands that must work without a database, or that start and stop it themselves.
WITHOUT_STACK = {
    "check",
    "collectstatic",
    "demo",
    "help",
    "local",
    "makemigrations",
    "privacy_report",
    "version",
}


def main() -> None:
    """Run the command named on the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fairdb_site.settings")
    from django.core.management import execute_from_command_line

    from fairdb_site.errors import FairdbError

    try:
        if needs_stack(sys.argv[1:]):
            from fairdb_site.embedded import start_if_embedded

            start_if_embedded()
        execute_from_command_line(sys.argv)
        sys.stdout.flush()  # what a pipe held back: later nobody could catch that it broke
    except FairdbError as error:
        sys.exit(error.message)  # on stderr, exit code 1
    except BrokenPipeError:
        # Whoever read our output has seen enough (`| head`). Python flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def needs_stack(arguments: list[str]) -> bool:
    """Tell whether this command line runs something that talks to the database."""
    words = [word for word in arguments if not word.startswith("-")]
    asks_for_help = not words or {"-h", "--help", "--version"} & set(arguments)
    return not asks_for_help and words[0] not in WITHOUT_STACK


if __name__ == "__main__":
    main()
