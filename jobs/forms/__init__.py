"""Forms of what people set up by hand, for the pages and for Django's admin alike."""
