"""Version update: take servers out, bring a release, restart them, and put back what fails."""
