"""The watch over the other tests: what it is to notice, it notices."""

from __future__ import annotations

from tests.browser.browser_errors import policy_reports
from tests.browser.visits import Visits
from tests.support.waiting import until

VIOLATE = """new Promise((resolve) => {
  document.addEventListener('securitypolicyviolation', resolve, {once: true});
  new Image().src = 'http://elsewhere.invalid/image.png';
})"""


def test_errors_and_violations_do_not_go_unnoticed(visits: Visits) -> None:
    page, (_, before) = visits.page("/sign-in", who=None), policy_reports(visits.up)
    page.evaluate("console.error('said on purpose')")
    with page.context.expect_event("weberror"):
        page.evaluate("void setTimeout(() => { throw new Error('thrown on purpose'); })")
    page.evaluate(VIOLATE)

    noticed = "\n".join(visits.watch.unexpected)
    assert "said on purpose" in noticed
    assert "uncaught: thrown on purpose" in noticed
    assert "policy violated: img-src by http://elsewhere.invalid" in noticed
    until(lambda: policy_reports(visits.up)[1] == before + 1, "the report at the server")

    visits.watch.allow("on purpose|img-src|elsewhere")
    visits.watch.expected_reports = 1
