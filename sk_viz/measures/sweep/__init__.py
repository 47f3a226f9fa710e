"""Scale sweeps: branch weights and predictions of one picture at several scales."""
