"""Grants: who may do what with which cameras, given by whom, until when; and the questions asked of them."""
