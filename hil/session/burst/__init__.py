"""Bursts of a session: which frames go in one, what it carries, its training, and its pictures one by one."""
