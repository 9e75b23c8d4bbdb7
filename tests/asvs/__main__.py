"""`python -m tests.asvs`: write docs/reference/asvs.md."""

from tests.asvs import PAGE, render_page

PAGE.write_text(render_page())
