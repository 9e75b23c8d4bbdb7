"""Who may see and do what, and whether they still may."""
