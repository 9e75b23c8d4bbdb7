"""Notices: tell people what became of jobs, by mail and by the services that Apprise knows.

A consumer of the feed (`gather`) makes a row for each thing that a subscriber is to hear, in the
transaction that moves its checkpoint. The sweeper (`send`) puts rows that wait into messages
(`outbox`) and sends them, by mail or through a process of its own (`courier`). A row is in one
message, whose contents and id stay the same as long as its outcome is not known.
"""
