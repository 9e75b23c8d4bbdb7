"""What was submitted, from the events that say so. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any


def submission_data(
    submitted: Mapping[str, Any], extensions: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return all that was submitted: the data of `job.submitted`, completed by what follows it.

    Raises LookupError and TypeError if a part names no list.
    """
    data = deepcopy(dict(submitted))
    for extension in extensions:
        for part in extension["parts"]:
            place: Any = data
            for key in part["at"]:
                place = place[key]
            place.extend(part["items"])
    data.pop("extended", None)
    return data
