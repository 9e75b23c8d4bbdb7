"""`python -m tests.field`: write docs/reference/field.md."""

from tests.field import PAGE, read_rows, render_page

PAGE.write_text(render_page(read_rows()))
