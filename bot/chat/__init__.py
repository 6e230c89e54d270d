"""What is said: commands in, messages out. Pure and synchronous; knows no platform and no clock."""
