"""The log of a run: as a terminal shows it, in rows that grow, by names, copied, downloaded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.visits import Visits
from tests.support.terminal.corpus import CASES

TALL: Any = {"viewport": {"width": 1280, "height": 12_000}}
LONG = "start " + "x" * 25_000 + " end"
# As in a stored event: neither null nor half of a character can be in one.
STORED = [case for case in CASES if case.lines and not re.search("[\0\ud800-\udfff]", case.text)]
END = "Succeeded: Done.\n"
_SELECT = """(row, [from, to]) => {
  const text = row.querySelector('.line-text').firstChild;
  getSelection().setBaseAndExtent(text, from, text, to);
}"""
# Before the browser tells of the scroll, the page draws.
_SCROLL_AS_LINES_COME = """async scroller => {
  const log = scroller.closest('reprise-log');
  scroller.scrollTo(0, 0);
  log.revision += 1;
  await log.updateComplete;
}"""


class LogPage:
    """A page that is at the log of a run."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.rows = page.locator(".line.is-out")
        self.search = page.get_by_label("Search the output")

    @classmethod
    def of(
        cls, visits: Visits, parts: list[dict[str, list[str]]], folder: Path, **options: Any
    ) -> LogPage:
        """Start a run that says something, and open its log."""
        job = visits.up.submit("test-talk", parts=parts, folder=str(folder))
        context = visits.context(permissions=["clipboard-read", "clipboard-write"], **options)
        page = context.new_page()
        page.goto(f"/jobs/{job}#log")
        return cls(page)

    def row(self, name: str) -> Locator:
        """Return the row of a line by its name."""
        return self.page.locator(f'.line[data-line="{name}"]')

    def row_of(self, text: str) -> Locator:
        """Return the row of the line that says just this."""
        reported = self.page.locator(".line-text", has_text=re.compile(f"^{text}$"))
        return self.rows.filter(has=reported)

    def texts(self) -> list[str]:
        """Return what the rows that are drawn say."""
        return self.rows.locator(".line-text").all_text_contents()

    def names(self) -> list[str]:
        """Return the names of the lines of output that are drawn."""
        return self.rows.locator(".line-seq").all_text_contents()

    def copied(self) -> str:
        """Copy by the button, and return what is on the clipboard."""
        self.page.get_by_role("button", name=re.compile("^Copy")).click()
        expect(self.page.get_by_role("button", name="Copied")).to_be_visible()
        return self.clipboard()

    def clipboard(self) -> str:
        """Return what is on the clipboard."""
        return str(self.page.evaluate("navigator.clipboard.readText()"))

    def downloaded(self) -> str:
        """Download, and return what is in the file."""
        with self.page.expect_download() as told:
            self.page.get_by_role("button", name="Download").click()
        return told.value.path().read_bytes().decode()


def test_output_is_shown_as_a_terminal_shows_it(visits: Visits, tmp_path: Path) -> None:
    parts = {f"case-{number:02}": list(case.chunks) for number, case in enumerate(STORED)}
    log = LogPage.of(visits, [parts], tmp_path, **TALL)
    expected = [line for case in STORED for line in case.lines]
    expect(log.page.locator(".line.is-note")).to_have_text(re.compile(END.strip()))
    expect(log.rows).to_have_count(len(expected))
    assert log.texts() == expected
    whole = "".join(f"{line}\n" for line in expected)
    assert log.downloaded() == log.copied() == whole + END
    git = log.rows.filter(has_text="+new").first.locator(".line-text > *")
    expect(git).to_have_class("ansi-green")
    log.search.fill("byelo world")
    expect(log.page.locator(".line.is-now")).to_have_text(re.compile("byelo world$"))


def test_a_line_grows_in_its_row_and_what_is_selected_stays(visits: Visits, tmp_path: Path) -> None:
    parts = [{"a": ["first\n", "Compiling"]}, {"a": [" … done\n", "\x1b[32mok", "\x1b[m\nlast"]}]
    log = LogPage.of(visits, parts, tmp_path)
    expect(log.rows).to_have_count(2)
    first, growing = log.rows.nth(0).element_handle(), log.rows.nth(1).element_handle()
    assert first is not None
    assert growing is not None
    log.search.fill("fi")
    expect(log.page.locator(".log-hits")).to_have_text("1 of 1")
    growing.evaluate(_SELECT, [2, 7])
    (tmp_path / "1").touch()

    expect(log.rows).to_have_count(4)
    expect(log.rows.nth(1).locator(".line-text")).to_have_text("Compiling … done")
    assert log.page.evaluate("getSelection().toString()") == "mpili"
    assert growing.evaluate("row => row.isConnected")
    assert first.evaluate("row => row.isConnected && row.classList.contains('is-now')")
    expect(log.page.locator(".log-hits")).to_have_text("1 of 1")
    log.search.fill("done")
    expect(log.rows.nth(1)).to_have_class(re.compile("is-now"))
    assert growing.evaluate("row => row.isConnected")


def test_who_scrolls_up_as_lines_come_stays_there(visits: Visits, tmp_path: Path) -> None:
    many = "".join(f"{number}\n" for number in range(300))
    log = LogPage.of(visits, [{"a": [many]}, {"a": ["more\n"]}, {}], tmp_path)
    scroller = log.page.locator(".log-scroll")
    expect(log.row_of("299")).to_be_in_viewport()
    scroller.evaluate(_SCROLL_AS_LINES_COME)
    (tmp_path / "1").touch()

    expect(log.page.get_by_role("button", name="new below")).to_be_visible()
    assert scroller.evaluate("element => element.scrollTop") == 0
    log.page.get_by_role("button", name="new below").click()
    expect(log.row_of("more")).to_be_in_viewport()
    (tmp_path / "2").touch()


def test_a_long_line_is_cut_on_the_screen_only(visits: Visits, tmp_path: Path) -> None:
    log = LogPage.of(visits, [{"a": [LONG[:9_000], LONG[9_000:], "\nshort\n"]}], tmp_path)
    long = log.rows.first
    expect(log.page.locator(".line.is-note")).to_have_text(re.compile(END.strip()))
    expect(long).to_contain_text("… 15,010 more characters")
    assert len(long.inner_text()) < 10_100
    assert log.downloaded() == log.copied() == f"{LONG}\nshort\n{END}"
    log.search.fill("x end")
    expect(log.page.locator(".log-hits")).to_have_text("1 of 1")

    log.page.locator(".log-lines").evaluate(
        "lines => getSelection().setBaseAndExtent(lines, 0, lines, lines.childNodes.length)"
    )
    log.page.locator(".log-scroll").focus()
    log.page.keyboard.press("Control+c")
    assert log.clipboard().split("\n") == [LONG, "short", END.strip()]


def test_lines_have_names_to_lead_to_and_to_copy_by(visits: Visits, tmp_path: Path) -> None:
    chunks = ["one\ntwo\nthr", "ee\nfour\n", "\n".join(map(str, range(500)))]
    log = LogPage.of(visits, [{"a": chunks}], tmp_path)
    expect(log.page.locator(".line.is-note")).to_have_text(re.compile(END.strip()))
    log.page.locator(".log-scroll").evaluate("element => element.scrollTo(0, 0)")
    expect(log.rows.first.locator(".line-text")).to_have_text("one")  # The rows follow a frame on.
    seq = int(log.names()[0])
    assert log.names()[:5] == [f"{seq}", f"{seq}.2", f"{seq}.3", f"{seq + 1}", f"{seq + 2}"]

    log.row(f"{seq}.2").locator(".line-seq").click()
    expect(log.page).to_have_url(re.compile(rf"#log/{seq}\.2$"))
    log.row(f"{seq + 1}").locator(".line-seq").click(modifiers=["Shift"])
    expect(log.page).to_have_url(re.compile(rf"#log/{seq}\.2-{seq + 1}$"))
    expect(log.page.locator(".line.is-marked")).to_have_count(3)
    assert log.copied() == "two\nthree\nfour\n"
    log.page.get_by_role("button", name="Times").click()
    at = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
    reported = log.copied()
    lines = ((rf"{seq}\.2", "two"), (rf"{seq}\.3", "three"), (str(seq + 1), "four"))
    assert re.fullmatch(
        "".join(rf"{at} #{name} a › say │ {text}\n" for name, text in lines), reported
    )
    assert reported in log.downloaded()

    log.page.goto(re.sub("#.*", f"#log/{seq + 2}.400", log.page.url))
    log.page.reload()
    expect(log.row(f"{seq + 2}.400")).to_be_in_viewport()
    expect(log.row(f"{seq + 2}.400")).to_have_class(re.compile("is-marked"))
    log.page.get_by_role("tab", name="Matrix").click()
    log.page.locator('[role=gridcell][data-step="say"]').click()
    log.row(f"{seq}.3").locator(".line-seq").click()
    expect(log.page).to_have_url(re.compile(rf"#log/{seq}\.3$"))
    expect(log.row(f"{seq}.3")).to_have_class(re.compile("is-marked"))
