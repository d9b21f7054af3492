"""What Windlass costs: ratios against a floor measured in the same run, because machines are noisy."""
