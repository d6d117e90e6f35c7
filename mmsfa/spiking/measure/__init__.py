"""Look at a model that runs: what its neurons fire, what its layers do, what that costs."""
