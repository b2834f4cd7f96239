"""What a run leaves behind: a bundle on disk and its pictures."""
