"""Chaos of links: followers over slow ones, and over such as cut, cap or hold what passes.

    kinds      what there is to try: links, jobs, followers, transports
    cases      which follower follows which job over which link, in which order; pure
    veth_links links that tc(8) slows down, between namespaces; see `connection_counter`
    link_sets  the links of one batch, of either sort (relays: `tests.support.relay`)
    installation  the one that is followed: two web servers, `nginx` before each, a worker
    follower   the TypeScript follower in Node; `node` is its other end
    pages      the job page in Chromium
    case_batches  all cases, many at a time, and what came of them
    verdict    that, beside what it needed; pure
    report     what is said of it
    run        `ops/chaos links`, once its command line is read

The Python follower is that of `tests.chaos.streams.crowd`.
"""
