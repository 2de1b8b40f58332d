"""The record page of one client (C1, C7, C8)."""
