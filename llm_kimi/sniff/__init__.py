"""What some bytes are: a medium or a document, and text of which encoding."""
