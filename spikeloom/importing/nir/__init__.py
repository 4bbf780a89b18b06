"""Graphs of the Neuromorphic Intermediate Representation, in and out."""
