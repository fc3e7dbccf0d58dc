"""The fault laboratory: real workers, databases and queues, broken on purpose, and a checker that decides from the
clients' own logs whether anything promised was lost."""
