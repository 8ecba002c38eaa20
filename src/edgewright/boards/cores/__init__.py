"""Instruction sets: one file a core, data only."""
