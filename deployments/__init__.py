"""The yard: the command line, the simulator, and what runs Windlass on a machine or a cloud."""
