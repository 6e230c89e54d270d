"""HTTP: what the world may ask of the bot. Today the platforms' webhooks and the bot's health."""
