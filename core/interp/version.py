"""Version of the interface that plugins use; it grows when that changes incompatibly."""

api_version = 1
