"""Text to Digest: front matter, Markdown, outline, items. `parser.parse` is the way in."""
