"""The messages of a request: roles, contents, calls and their results, histories of other APIs."""
