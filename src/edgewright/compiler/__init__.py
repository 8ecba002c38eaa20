"""The compiler: passes, quantisation, memory, C, exports."""
