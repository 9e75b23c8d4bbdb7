#!/usr/bin/env python3
"""Django's command line for Reprise: `python manage.py help` lists the commands."""

import sys

from core.command_line import main

if __name__ == "__main__":
    sys.exit(main())
