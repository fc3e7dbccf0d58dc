"""The language: commands, events, error codes, schemas. Imports nothing else of chatapp."""
