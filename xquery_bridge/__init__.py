"""XQuery with the cntk: neural-network library of MarkLogic 10, computed on NumPy."""
