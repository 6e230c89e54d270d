"""Slack: how it looks there. Only this folder imports slack_bolt and slack_sdk, and only where Slack is configured."""
