"""Forms of the console: one object each, with the domain's refusals at their fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django import forms
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from core.errors import BadRequest, InvalidParams, NotNow, RepriseError

F = TypeVar("F", bound=forms.BaseForm)

DJANGOS_ROWS = "10"  # of a text area for which nobody says how many
PLAIN = (forms.CheckboxInput, forms.CheckboxSelectMultiple, forms.RadioSelect)


def style_fields(form: forms.BaseForm) -> None:
    """Give the controls of a form the console's classes; what they take is no prose."""
    for field in form.fields.values():
        if isinstance(field.widget, PLAIN):
            continue
        attributes = {"class": "field", "spellcheck": "false", "autocomplete": "off"}
        own = field.widget.attrs
        if isinstance(field.widget, forms.Textarea):
            attributes["class"] = "field mono"
            own |= {"rows": "4"} if own["rows"] == DJANGOS_ROWS else {}
        field.widget.attrs = attributes | own


def edit(
    request: HttpRequest,
    form: F,
    save: Callable[[F], Any],
    *,
    to: str,
    done: str,
    template: str = "frontend/console/form.html",
    **context: Any,
) -> HttpResponse:
    """Show a form; by POST save what it has, say `done` and lead on to `to`.

    `save` may raise InvalidParams, which the form shows, and Forbidden.
    """
    style_fields(form)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                save(form)
        except InvalidParams as error:
            add_errors(form, error)
        except IntegrityError:
            form.add_error(None, "Somebody else has just saved one of this name.")
        else:
            return finish(request, done, to)
    return render(request, template, {"form": form, "back": to, **context})


def finish(request: HttpRequest, done: str, to: str) -> HttpResponse:
    """Lead on to a page that says what was done."""
    messages.success(request, done)
    return redirect(to)


def confirm(
    request: HttpRequest,
    act: Callable[[], str],
    *,
    to: str,
    title: str,
    words: Sequence[str],
    button: str = "",
    back: str = "",
    crumb: str = "",
) -> HttpResponse:
    """Ask whether to do something; by POST do it, say what `act` returns and lead on to `to`.

    `words` say what it means, `button` names the act where the title does not. Who does not want
    it, and what is refused, goes `back`.
    """
    back = back or to
    if request.method == "POST":
        return attempt(request, act, to=to, back=back)
    context = {
        "title": title, "words": words, "button": button or title, "back": back, "crumb": crumb,
        "danger": True,
    }  # fmt: skip
    return render(request, "frontend/console/confirm.html", context)


def attempt(
    request: HttpRequest, act: Callable[[], str], *, to: str, back: str = ""
) -> HttpResponse:
    """Do something, say what `act` returns and lead on to `to`; what is refused leads `back`."""
    try:
        return finish(request, act(), to)
    except (BadRequest, InvalidParams, NotNow) as error:
        return redirect_with_error(request, error, back or to)


def redirect_with_error(request: HttpRequest, error: RepriseError, to: str) -> HttpResponse:
    """Lead on to a page that says why something was refused."""
    details = [one["detail"] for one in getattr(error, "errors", ())]
    messages.error(request, " ".join(details) or error.message)
    return redirect(to)


def add_errors(form: forms.BaseForm, error: InvalidParams) -> None:
    """Put the domain's refusals at the fields that their pointers name, others above the form."""
    for one in error.errors:
        name = one["pointer"].strip("/").partition("/")[0]
        form.add_error(name if name in form.fields else None, one["detail"])
