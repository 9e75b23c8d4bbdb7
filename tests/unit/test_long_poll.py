"""A long poll on a hub whose news, ring and pages need not agree."""

from __future__ import annotations

import asyncio

from jobs.log import Cursor
from streams.followers.disconnect_notice import Notice
from streams.transports.longpoll import Page, fill_page
from tests.unit.hub_scene import Scene

# Of the real clock: who never gives the loop back would stop a virtual one for good.
WAIT_SECONDS = 2.0


def test_what_a_heal_reads_beyond_the_news_is_answered_at_once() -> None:
    async def story() -> None:
        async with Scene() as scene:
            scene.append(4)
            head = await scene.hub.check(scene.job, Cursor(4))
            page = Page(Cursor(4), limit=1000, types=frozenset())
            with scene.hub.follow(scene.job, head) as live:
                filling = asyncio.create_task(
                    fill_page(scene.hub, scene.job, head, page, WAIT_SECONDS, Notice())
                )
                await asyncio.sleep(0)  # now it waits
                scene.append(hint=False)
                # as a heal does, whose page may be ahead of what is known of the head
                live.extend(4, scene.log.texts(scene.job)[4:])
                await filling
            assert page.texts == scene.log.texts(scene.job)[4:]
            assert page.next.seq == 5

    asyncio.run(story())


def test_a_job_that_goes_on_after_it_was_restored_has_not_ended() -> None:
    async def story() -> None:
        async with Scene() as scene:
            scene.append(4, "failed")
            head = await scene.hub.check(scene.job, Cursor(0))
            scene.log.restore(scene.job, 2)
            scene.append(8)
            page = Page(Cursor(0), limit=1000, types=frozenset())
            await fill_page(scene.hub, scene.job, head, page, 0, Notice())
            assert page.texts == scene.log.texts(scene.job)
            assert not page.end

    asyncio.run(story())
