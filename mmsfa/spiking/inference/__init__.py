"""Other ways to run the same model: on binary spikes, by membranes, step by step, in float64."""
