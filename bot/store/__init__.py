"""What is remembered. Synchronous; the only room that knows SQL."""
