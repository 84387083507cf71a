"""Adapters to the engines: PostgreSQL, NATS, object stores."""
