"""The chaos run: real processes on a real database are killed, cut off and starved, and every message is accounted for.

counterparty   the platform at the other end of the line, whose journal nothing takes back
worker         a process as `heji work` is, with a line to the counterparty and a place to die
nursery        starts workers quickly, and says how they ended
stage          a database, a counterparty and the crew of one scenario; the account of its messages
scenarios      what is done to them
"""
