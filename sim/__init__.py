"""Simulation: back ends, benches, and files of spikes."""
