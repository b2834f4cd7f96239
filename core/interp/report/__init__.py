"""HTML reports of results: files that open anywhere, without server, script or network."""
