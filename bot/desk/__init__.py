"""WHERE AN EDITION IS MADE: how a chat stands, what it is sent, and who is on the list."""
