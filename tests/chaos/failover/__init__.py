"""A Postgres that fails over to its standby under load: what was acknowledged, and who is told.

plan     the failovers, drawn from a seed; pure
pair     two Postgres, one of them the other's standby, and how they change places
series   one failover after the other: jobs that write, followers, a ledger of submits
verdict  what must hold of each; pure
run      the subcommand
"""
