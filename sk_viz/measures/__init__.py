"""What is read from a network: sweeps, attributions, receptive fields, interventions."""
