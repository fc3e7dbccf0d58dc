"""The pieces of config.py: the table of settings, how a value is read, what a key must be. Nobody else imports them."""
