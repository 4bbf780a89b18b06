"""cocotb benches: one for layers, and one for each unit."""
