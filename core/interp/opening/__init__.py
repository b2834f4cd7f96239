"""From the names in a request to the objects they name."""
