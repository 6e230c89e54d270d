"""What was written: text in, a Library out. Synchronous; pure but for sources and search."""
