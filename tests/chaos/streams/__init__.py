"""Chaos for followers: crowds of them while what they hang on breaks, each held to the log.

plan       which faults come, in which order; pure
history    what one follower was given, as a file
crowd      followers in a process of its own, without Django; `crowds` is its other end
account    a follower's history beside its job's log: lost, doubled, out of order; pure
lags       from the append to the follower, in windows of time; pure
installation  the one that is broken: two web servers, a worker, Valkey, Postgres
faults     the faults themselves
series     all faults of a plan, one after the other, and what came of it
report     what is said of that
run        `ops/chaos streams`, once its command line is read
"""
