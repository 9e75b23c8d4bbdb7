"""The console's pages as somebody's browser without a script has them: read, fill in, send."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field

from django.test import Client

from tests.support.people import Person

CSRF = "a" * 32


@dataclass(frozen=True, slots=True)
class Answer:
    """What a page answered; `text` without entities."""

    status: int
    text: str
    to: str = ""

    @property
    def errors(self) -> list[str]:
        """The sentences at the fields of a form and above it."""
        found = re.findall(r'(?:form-error|is-bad)".*?<span>(.*?)</span>', self.text, re.DOTALL)
        return [" ".join(one.split()) for one in found]

    @property
    def next(self) -> str:
        """The address of a list's next page, "" on the last one."""
        found = re.search(r'href="([^"]*)" rel="next"', self.text)
        return found[1] if found else ""


@dataclass(frozen=True)
class Pages:
    """The pages as one person sees them."""

    person: Person
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        client = self.person.browser()
        client.cookies["reprise_csrf"] = CSRF
        object.__setattr__(self, "client", client)

    def read(self, path: str, **query: str) -> Answer:
        """Return a page."""
        return self._answer(self.client.get(path, query))

    def send(self, path: str, **form: object) -> Answer:
        """Return what a form is answered."""
        return self._answer(self.client.post(path, {"csrfmiddlewaretoken": CSRF, **form}))

    def rows(self, path: str, **query: str) -> list[str]:
        """Return the first cell of each row of a list."""
        body = self.read(path, **query).text.partition("<tbody>")[2]
        cells = re.findall(r"<tr>\s*<td[^>]*>(.*?)</td>", body, re.DOTALL)
        return [re.sub(r"<[^>]*>", "", cell).strip() for cell in cells]

    @staticmethod
    def _answer(answer: object) -> Answer:
        text = html.unescape(answer.content.decode())  # type: ignore[attr-defined]
        return Answer(answer.status_code, text, answer.headers.get("Location", ""))  # type: ignore[attr-defined]
