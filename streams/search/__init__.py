"""Search in a job's log: what is asked, lines as a terminal shows them, and hits among events."""
