"""The operating regulation: what its files say, what that means for one request, what changes from one to the next. Pure."""
