"""Delivery: what has happened reaches those who may know it. Rules are the domain's; sockets are the transports'."""
