"""A pytest plugin: recorded histories as tests, and job kinds run in memory."""
