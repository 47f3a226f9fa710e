"""What the choice between branches is worth: interventions on branch weights."""
