"""Getting it there, once: what is due is planned, what is planned is sent, what happened is written down."""
