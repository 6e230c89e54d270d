"""Where it is said: one renderer and one sender a platform. Decides nothing about content and remembers nothing."""
