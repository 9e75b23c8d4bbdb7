"""axe-core in a page: which rules of accessibility does it break?"""

from __future__ import annotations

from functools import cache

from playwright.sync_api import Page

from tests.acceptance.up import ROOT

SOURCE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
# WCAG 2.2 at level AA, and what axe calls best practice.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What another colour scheme can change.
OF_COLOURS = ["color-contrast", "link-in-text-block"]
_RUN = """
async ([context, runOnly]) => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  await frame().then(frame);  // until the page has followed a scroll or another size
  const options = { runOnly, resultTypes: ['violations'] };
  const { violations } = await axe.run(context ?? document, options);
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) =>
    `${id}: ${html.slice(0, 200)}\n${failureSummary}`));
}
"""


def violations(
    page: Page, *, rules: list[str] | None = None, within: str | None = None
) -> list[str]:
    """Return what axe finds in a page as it stands: the rule, the element and what is wrong.

    All rules of `TAGS` unless some are named; the whole page unless a selector names a part.

    The source is evaluated by the debugger: the page's policy lets no other script in.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(_source())
    only = {"type": "rule", "values": rules} if rules else TAGS
    found: list[str] = page.evaluate(_RUN, [within, only])
    return found


@cache
def _source() -> str:
    return SOURCE.read_text()
