"""What a target must look like before the inventory takes it, from a file or from the admin."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from core.terminal import hidden_words
from jobs.events import is_storable
from jobs.models import Target
from jobs.targets.selectors import GROUP, LABEL, is_selector
from jobs.transports.errors import TargetUnusable
from jobs.transports.run_command import TRANSPORTS
from jobs.transports.ssh.login import login_of

Text = Annotated[str, Field(pattern=r"^[^\x00-\x1f]*$")]


class Entry(BaseModel):
    """A target as a file has it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[Text, Field(min_length=1, max_length=200)]
    group: Annotated[Text, Field(max_length=100)] = ""
    labels: dict[str, str] = {}
    transport: str = "local"
    address: Annotated[Text, Field(max_length=500)] = ""
    variables: dict[str, JsonValue] = {}

    def target(self) -> Target:
        """Return it as a row that is not stored yet."""
        values: dict[str, Any] = self.model_dump()
        return Target(**values)


def find_problem(target: Target) -> tuple[str, str] | None:
    """Return the field that makes a target useless and why, None if there is none."""
    if is_selector(target.name):
        return "name", f"A name cannot begin with {GROUP} or {LABEL}: that chooses several."
    if target.transport not in TRANSPORTS:
        known = ", ".join(TRANSPORTS)
        return "transport", f"There is no transport {target.transport}. Known: {known}."
    for name in ("labels", "variables"):
        if not is_storable(getattr(target, name)):
            return name, "It has a NUL or an invalid number, or is nested too deeply."
    if not isinstance(target.variables, dict):
        return "variables", "Variables must be a JSON object."
    if not isinstance(target.labels, dict) or not all(
        isinstance(value, str) for value in target.labels.values()
    ):
        return "labels", "Labels must be a JSON object of strings."
    for name, text in (("name", target.name), ("group", target.group), *_label_texts(target)):
        if words := hidden_words(text):
            return name, words
    if target.transport == "ssh":
        try:
            login_of(target)
        except TargetUnusable as error:
            odd = error.message.startswith(("ssh_keys", "credential"))
            return "variables" if odd else "address", error.message
    return None


def _label_texts(target: Target) -> list[tuple[str, str]]:
    return [("labels", text) for label in target.labels.items() for text in label]
