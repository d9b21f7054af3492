"""The process-level part of the fault matrix: real processes, real signals, and a client that asks all the while."""
