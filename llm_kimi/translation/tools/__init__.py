"""The tools of a request: definitions in every form, their names, and which may be called."""
