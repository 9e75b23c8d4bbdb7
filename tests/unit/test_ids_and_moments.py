"""Ids and moments as people and programs write them."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import OutOfRange, parse, read_moment, rfc3339
from core.ids import parse_id
from streams.client.addresses import Addresses

ID = UUID("01a202cf-4542-77cb-a3c8-c54ec4fba3e2")
FORMS = [str(ID), str(ID).upper(), ID.hex, ID.hex.upper()]
NO_FORMS = [
    f"{{{ID}}}", f"urn:uuid:{ID}", f"uuid:{ID}", f" {ID}", f"{ID}\n", ID.hex[:-1], f"{ID.hex}0",
    "01a202cf-454277cb-a3c8-c54ec4fba3e2", "01a202cf454277cb-a3c8-c54ec4fba3e2", "", "-" * 36,
    str(ID).replace("0", "\N{FULLWIDTH DIGIT ZERO}"), str(ID).replace("-", "\N{HYPHEN}"),
]  # fmt: skip
NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("text", FORMS)
def test_an_id_has_dashes_or_none_and_either_case(text: str) -> None:
    assert parse_id(text) == ID
    # The follower stands alone, and has the rule once more.
    assert Addresses(text, "http://host").job == ID
    assert Addresses(f"http://host/api/jobs/{text}/stream").job == ID


@pytest.mark.parametrize("text", NO_FORMS)
def test_any_other_form_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="32 hex digits"):
        parse_id(text)
    with pytest.raises(ValueError, match="Not a job"):
        Addresses(text, "http://host")


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-02T12:00:00Z", "2026-01-02t12:00:00z", "2026-01-02 12:00", " 2026-01-02T12:00 ",
        "2026-01-02T14:00:00+02:00", "2026-01-02T14:00:00 02:00", "2026-01-02T14:00:00+0200",
        "2026-01-02T02:00:00.000000000-10:00", "2026-01-02T12:00:00,0Z",
    ],
)  # fmt: skip
def test_a_moment_is_read_as_utc_unless_it_says_otherwise(text: str) -> None:
    assert read_moment(text) == NOON
    assert read_moment(text).tzinfo is UTC


def test_a_day_is_its_midnight() -> None:
    assert read_moment("2026-01-02") == NOON.replace(hour=0)


@pytest.mark.parametrize(
    "text",
    [
        "10000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "2026-W01-1",
        "2026-01-01T24:00:00Z", "2026-12-31T23:59:60Z", "2026-02-30", "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+99:99", "20260101", "20260101T000000Z", "2026-001", "NaN", "Infinity",
        "1e18", "1767225600", "-1", "9" * 5000, "", " ", "now", "2026-01-01T00:00:00Z\x00",
        "\N{ARABIC-INDIC DIGIT TWO}026-01-01", "2026-01-01T00", "2026-01-01T00:00:00[Europe/Rome]",
    ],
)  # fmt: skip
def test_anything_else_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_moment(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_moment_that_utc_has_no_year_for_is_out_of_range(text: str) -> None:
    with pytest.raises(OutOfRange):
        read_moment(text)


def test_an_offset_can_be_asked_for() -> None:
    assert read_moment("2026-01-02T14:00:00+02:00", needs_offset=True) == NOON
    for text in ("2026-01-02T12:00:00", "2026-01-02"):
        with pytest.raises(ValueError, match="no moment"):
            read_moment(text, needs_offset=True)


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_moment_of_utc_is_written_and_read_again(moment: datetime) -> None:
    assert len(rfc3339(moment)) == len("2026-11-22T09:00:00.123456Z")
    assert parse(rfc3339(moment)) == read_moment(rfc3339(moment)) == moment
