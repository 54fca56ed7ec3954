"""Diagnosis of a machine's installation and of a radio."""
