"""Requests between agencies, a second person's word, emergencies, and the notices that tell people of them."""
