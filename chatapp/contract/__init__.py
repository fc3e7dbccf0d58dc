"""The language: commands, events, error codes, topics, schemas. Imports nothing else of chatapp."""
