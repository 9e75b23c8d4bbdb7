"""The views: who may see a page, and what is put into it."""
