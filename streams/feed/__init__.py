"""The feed of all jobs, followed: one reader a process, a cursor for each follower."""
