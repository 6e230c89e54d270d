"""WHAT AN OPERATOR TYPES: the verbs beside those that only read; each prints, and ends with a status."""
