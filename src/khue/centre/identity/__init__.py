"""Who signs in: accounts, second factors, sessions and API tokens."""
