"""Hectares: areas by stratum and year, transitions and change."""
