"""heji: a curated Markdown reading digest as a chat companion."""
