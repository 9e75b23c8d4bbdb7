"""The type of a secret parameter, and where in a kind's parameters there are such."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, Self

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from core.errors import InvalidParams
from core.records.pointers import escape_part
from jobs.secrets.encodings import SHORTEST
from jobs.secrets.masking import MASK

LONGEST = 16_384
LONGEST_NAME = 100
# What a form offers in place of a value, as `x-options`: `{"credential": name}` is sent then.
CREDENTIALS = "reprise.credentials"
_REFERENCE, _CREDENTIAL = "secret", "credential"


class Secret:
    """A secret parameter: prints as `••••`, is stored as a reference; `step.reveal` has its value.

    Given is a string of at least 4 characters (blanks around it not counted), since shorter ones
    cannot be masked, and at most 16,384; or the name of a `credential`, as
    `{"credential": "web-token"}`. `name` is its place in the params (`password`,
    `servers/0/token`), known once the job is submitted.
    """

    __slots__ = ("_value", "credential", "name")

    def __init__(self, value: str | None = None, name: str = "", credential: str = "") -> None:
        self._value = value
        self.name = name
        self.credential = credential

    def __repr__(self) -> str:
        return MASK

    def __format__(self, _: str) -> str:
        return MASK

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret cannot be pickled.")

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Take a string, or the reference that is stored; give that reference as JSON."""
        reference = core_schema.plain_serializer_function_ser_schema(
            _secret_reference, when_used="json"
        )
        return core_schema.no_info_plain_validator_function(_parse_secret, serialization=reference)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Describe what is to be given; it is never handed out again."""
        limits = {"minLength": SHORTEST, "maxLength": LONGEST}
        chosen = {"x-choices": CREDENTIALS}
        return {"type": "string", "format": "password", "writeOnly": True, **limits, **chosen}


def take_secrets(params: BaseModel, known: Mapping[str, str] | None = None) -> dict[str, str]:
    """Name the secrets in parameters by their places; return their values by these names.

    `known` are the values of another job, where its params are taken over. InvalidParams, pointing
    at each, where there is only a reference to one that is not among them.
    """
    detail = "Enter it again. A stored secret is not shown."
    if known is not None:
        detail = "It has been deleted. Start a new job and enter it."
    values, missing = {}, []
    for place, secret in _find_secrets(params, ""):
        if secret.credential:
            continue
        value = (known or {}).get(secret.name) if secret._value is None else secret._value
        if value is None:
            missing.append({"pointer": f"/{place}", "detail": detail})
        else:
            secret.name, values[place] = place, value
    if missing:
        raise InvalidParams(missing)
    return values


def secret_names(params: BaseModel) -> set[str]:
    """Return the names of the secrets in a job's parameters, without those that are credentials."""
    return {secret.name for _, secret in _find_secrets(params, "") if not secret.credential}


def credential_names(params: BaseModel) -> list[tuple[str, str]]:
    """Return the credentials that parameters name, each with the JSON pointer to its name."""
    found = _find_secrets(params, "")
    return [(f"/{place}", secret.credential) for place, secret in found if secret.credential]


def has_values(params: BaseModel) -> bool:
    """Whether parameters have values of secrets, as they come, and not their names alone."""
    return any(secret._value is not None for _, secret in _find_secrets(params, ""))


def has_reference(params: Any) -> bool:
    """Whether something in stored parameters (JSON) looks like a reference to a secret."""
    match params:
        case {"secret": str()} if len(params) == 1:
            return True
        case Mapping():
            return any(map(has_reference, params.values()))
        case list():
            return any(map(has_reference, params))
    return False


def has_secret_fields(model: type[BaseModel]) -> bool:
    """Whether a kind's Params have secrets anywhere."""
    return _schema_has_secret(model.model_json_schema())


def _schema_has_secret(schema: Any) -> bool:
    match schema:
        case {"format": "password", "writeOnly": True}:
            return True
        case dict():
            return any(map(_schema_has_secret, schema.values()))
        case list():
            return any(map(_schema_has_secret, schema))
    return False


def _secret_reference(secret: Secret) -> dict[str, str]:
    if secret.credential:
        return {_CREDENTIAL: secret.credential}
    if not secret.name:
        raise ValueError("A secret is in a model, a list, a tuple or a dict, and has a name there.")
    return {_REFERENCE: secret.name}


def _parse_secret(given: Any) -> Secret:
    match given:
        case Secret():
            return given
        case {"secret": str(name)} if len(given) == 1:
            return Secret(name=name)
        case {"credential": str(name)} if len(given) == 1 and 0 < len(name) <= LONGEST_NAME:
            return Secret(credential=name)
        case str() if len(given.strip()) < SHORTEST:
            words = "At least {least} characters: a shorter secret cannot be masked"
            raise PydanticCustomError("secret_short", words, {"least": SHORTEST})
        case str() if len(given) > LONGEST:
            raise PydanticCustomError("secret_long", "At most {most} characters", {"most": LONGEST})
        case str():
            return Secret(given)
    raise PydanticCustomError("secret_type", "Give a string")


def _find_secrets(value: Any, place: str) -> Iterator[tuple[str, Secret]]:
    """Yield every secret in a model with its place, written as a JSON pointer less its first /."""
    if isinstance(value, Secret):
        yield place, value
        return
    match value:
        case BaseModel():
            inner: Any = ((name, getattr(value, name)) for name in type(value).model_fields)
        case Mapping():
            inner = value.items()
        case list() | tuple():
            inner = enumerate(value)
        case _:
            return
    for name, each in inner:
        part = escape_part(name)
        yield from _find_secrets(each, f"{place}/{part}" if place else part)
