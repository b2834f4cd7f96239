"""Bad input, kills, odd callers and odd surroundings."""
