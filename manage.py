#!/usr/bin/env python3
"""Django's command line for Reprise: `python manage.py help` lists the commands."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
    from core.command_line import run

    sys.exit(run(sys.argv))


if __name__ == "__main__":
    main()
