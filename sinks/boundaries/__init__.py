"""Boundary files read as data, never as programs, and their polygons made fit for areas."""
