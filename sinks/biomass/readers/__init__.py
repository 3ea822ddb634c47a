"""Readers of inventories as they are kept: each maps its tables onto what the estimators take."""
