"""Telegram: how messages look there, how they are sent, how updates come in."""
