"""Making a clone ready to run: the Python environment, Node and the front end.

This runs on the machine's own python3 before anything is installed, so it imports the standard
library and its own neighbours only.
"""
