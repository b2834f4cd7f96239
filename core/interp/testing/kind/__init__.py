"""What things of each kind must keep: one file of checks for each."""
