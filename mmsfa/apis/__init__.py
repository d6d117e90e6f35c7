"""Config and checkpoint in, things out: trained models, measurements, comparisons."""
