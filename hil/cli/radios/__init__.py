"""Commands about this machine's radios."""
