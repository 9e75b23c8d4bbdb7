"""Two runs beside each other, differences first; complete without JavaScript."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from core.terminal import plain_text, reveal
from frontend import words
from frontend.templatetags.reprise import kind_titles
from frontend.views.frame import page
from jobs.access.visibility import Principal
from jobs.api.comparison import pair_json, read_comparison
from jobs.events.comparison import Comparison, ValueDifference

PAGE_SIZE = 200
LONGEST_VALUE = 500


@require_safe
@page
def compare(
    request: HttpRequest, principal: Principal, job_id: UUID, other_id: UUID
) -> HttpResponse:
    """Show what two runs have in common, and what not; NotFound (404) unless both may be seen."""
    left, right, found = read_comparison(principal, job_id, other_id)
    after = _place(request)
    steps = [pair_json(pair) for pair in found.steps[after : after + PAGE_SIZE]]
    titles = kind_titles(principal)
    for run in (left, right):
        run["kind_title"] = titles.get(run["kind"], run["kind"])
    context = {
        "runs": (left, right),
        "same": found.is_same,
        "sentences": list(_sentences(found)),
        "parameters": [_shown_value(one) for one in found.parameters[:PAGE_SIZE]],
        "steps": steps,
        "total": len(found.steps),
        "start": after + 1,
        "end": after + len(steps),
        "before": max(after - PAGE_SIZE, 0) if after else None,
        "next": after + PAGE_SIZE if after + PAGE_SIZE < len(found.steps) else None,
    }
    return render(request, "frontend/compare.html", context)


def _place(request: HttpRequest) -> int:
    value = request.GET.get("after", "")
    return int(value) if value.isdecimal() and len(value) < 10 else 0


def _sentences(found: Comparison) -> Sequence[str]:
    """Return in words how much of the two runs differs."""
    if found.is_same:
        return ["Both runs were asked the same, and ended in the same way."]
    counts = found.counts
    aligned = counts["same"] + counts["different"]
    said = {"kind": "The kinds differ.", "status": "The outcomes differ."}
    sentences = [said[name] for name in found.outcome]
    if found.parameters:
        verb = "differs" if len(found.parameters) == 1 else "differ"
        sentences.append(f"{words.plural(len(found.parameters), 'parameter')} {verb}.")
    verb = "differs" if counts["different"] == 1 else "differ"
    sentences.append(f"{counts['different']:,} of {words.plural(aligned, 'step')} {verb}.")
    for name, which in (("only_left", "first"), ("only_right", "second")):
        if counts[name]:
            sentences.append(f"{words.plural(counts[name], 'step')} only in the {which} run.")
    return sentences


def _shown_value(found: ValueDifference) -> dict[str, Any]:
    return {
        "pointer": found.pointer or "/",
        "sides": [_value_text(values, found.is_items) for values in (found.left, found.right)],
        "is_items": found.is_items,
    }


def _value_text(values: Sequence[Any], is_items: bool) -> str:
    if is_items:
        text = ", ".join(one if isinstance(one, str) else json.dumps(one) for one in values)
    else:
        text = "".join(json.dumps(one, ensure_ascii=False) for one in values)
    shown = reveal(plain_text(text[:LONGEST_VALUE]))
    left_out = len(text) - LONGEST_VALUE
    return f"{shown} … {left_out:,} more characters" if left_out > 0 else shown
