"""ECS: work pools whose tasks run on Fargate, and the worker that keeps count of what Spot takes away."""
