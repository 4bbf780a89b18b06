"""Devices, synthesis, place and route."""
