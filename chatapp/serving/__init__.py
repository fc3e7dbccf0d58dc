"""The process: its listener, its connections' write side, its start and its end. Only this package knows eventlet."""
