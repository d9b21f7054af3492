"""What a Prefect server must know before flows run on schedule: pools, variables, blocks, deployments, automations.

Each file here brings one kind into the state that is declared, and says of every thing whether it was created, updated
or left as it was. `run.py` does them in the order in which they need each other.
"""
