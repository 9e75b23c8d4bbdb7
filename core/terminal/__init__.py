"""Text as a terminal shows it. A leaf: it imports nothing but the standard library.

`frontend/src/client/terminal.ts` is its twin for the page. Both are held to `tests/terminal` and to
terminal emulators; docs/reference/output.md says what they show.
"""

from core.terminal.characters import hidden_words, reveal, reveal_json
from core.terminal.line import Line
from core.terminal.screen import Terminal, plain_text
from core.terminal.style import PLAIN, Style

__all__ = [
    "PLAIN",
    "Line",
    "Style",
    "Terminal",
    "hidden_words",
    "plain_text",
    "reveal",
    "reveal_json",
]
