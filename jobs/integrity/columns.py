"""The columns beside the texts: type, actor, target and time are copies, which no hash covers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache

from jobs.events import one_line
from jobs.integrity.chain import Broken, event_of
from jobs.log.inspect import Columns


def check_columns(rows: Iterable[Columns], texts: Iterable[str]) -> None:
    """Raise Broken at the first event whose columns say something else than its text.

    The members that they copy stand before `data`, in an order that never changes, so that
    comparing them is comparing text: parsing would take many times as long.
    """
    for row, text in zip(rows, texts, strict=True):
        # Texts from before line breaks of Unicode were escaped have them as they are.
        if not _columns_match(row, one_line(text)):
            raise Broken(row[0], _describe_difference(row, text))


def _columns_match(row: Columns, text: str) -> bool:
    seq, type_, actor, target, at = row
    start = f'{{"seq":{seq},"type":{_quote_json(type_)},"version":'
    if not text.startswith(start):
        return False
    after_version = text.find(",", len(start))
    middle = f',"at":"{at}","actor":{_quote_json(actor)},"attempt":'
    if not text.startswith(middle, after_version):
        return False
    after_actor = after_version + len(middle)
    # Quotes within a string are escaped: these marks can be nothing but members.
    rest = text[after_actor : text.find(',"data":', after_actor)]
    if target is None:
        return ',"target":' not in rest
    return rest.endswith(f',"target":{_quote_json(target)}')


@lru_cache(maxsize=4096)
def _quote_json(value: str) -> str:
    return one_line(json.dumps(value, ensure_ascii=False))


def _describe_difference(row: Columns, text: str) -> str:
    seq, type_, actor, target, at = row
    event = event_of(seq, text)
    pairs = {
        "type": (type_, event.type),
        "actor": (actor, event.actor),
        "target": (target, event.target),
        "at": (at, event.at),
    }
    words = [
        f"{name} is {kept or 'empty'}, not {said or 'empty'}"
        for name, (kept, said) in pairs.items()
        if kept != said
    ]
    said = ", ".join(words) or "its members are in another order"
    return f"The columns beside event {seq} are not what its text says: {said}."
