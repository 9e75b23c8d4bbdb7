"""What the control script does on a host: commands, releases, turns; standard library only."""
