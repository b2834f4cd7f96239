"""What several test folders share: fixtures, toy models, the command line runner."""
