"""WHAT STAYS: processes that answer, tick and deliver until a signal comes, with their logs."""
